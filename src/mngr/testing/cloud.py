"""A simulated cloud for a test: started as a user would start it, asked over its control port, stopped."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any, Self, TypeVar

READY_LIMIT_S = 600.0
"""Machine images may have to be made first."""
STOP_LIMIT_S = 60.0
UNLIMITED = {"vultr": ("--rate-limit", "0"), "azure": ("--buckets", "off")}
"""What a vendor is told first: tests are in a hurry."""

Found = TypeVar("Found")


class ControlPort:
    """What a simulated cloud answers behind its API's back (simcloud/README.md); a `world.CloudControl`."""

    def __init__(self, control_url: str) -> None:
        self.control_url = control_url

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """One question. Raises ValueError with its complaint."""
        status, answer = send(method, self.control_url + path, body, {}, limit_s=90)
        if status != 200:
            raise ValueError(f"{method} {path}: {status} {answer}")
        return answer

    def bill(self) -> dict[str, Any]:
        return self.ask("GET", "/bill")

    def resources(self, kind: str | None = None) -> list[dict[str, Any]]:
        found = self.ask("GET", "/resources")["resources"]
        return [one for one in found if kind in (None, one["kind"])]

    def busy(self) -> list[str]:
        """The machines that are still being worked on."""
        return self.ask("GET", "/resources")["busy"]

    def settle(self, limit_s: float = 30.0) -> None:
        """Waits until the machines have done what was asked of them. Raises AssertionError at the limit."""
        answer = self.ask("POST", "/settle", {"limit_s": limit_s})
        assert answer["settled"], f"the cloud is still busy after {limit_s:g} s: {answer['busy']}"

    def now(self) -> float:
        return self.ask("GET", "/clock")["epoch_s"]

    def advance(self, seconds: float) -> None:
        self.ask("POST", "/clock", {"advance_s": seconds})

    def calls(self, since: int = 0) -> list[dict[str, Any]]:
        return self.ask("GET", f"/calls?since={since}")["calls"]

    def fault(self, do: str, *, method: str | None = None, path: str | None = None, **more: Any) -> int:
        """Order a fault; its number."""
        return self._order("/faults", {"do": do}, method, path, more)

    def gate(self, at: str, *, method: str | None = None, path: str | None = None, **more: Any) -> int:
        return self._order("/gates", {"at": at}, method, path, more)

    def held(self, wait_s: float = 10.0) -> list[dict[str, Any]]:
        """The calls that gates hold; waits until there is one."""
        return self.ask("GET", f"/gates?wait_s={wait_s}")["held"]

    def release(self, then: str = "go", held: int | None = None) -> int:
        return self.ask("POST", "/gates/release", {"then": then, "held": held})["released"]

    def clear(self) -> None:
        """Takes all gates and faults away; what is held goes on."""
        self.ask("DELETE", "/gates")
        self.ask("DELETE", "/faults")

    def _order(
        self, kind: str, what: dict[str, str], method: str | None, path: str | None, more: dict[str, Any]
    ) -> int:
        return self.ask("POST", kind, {**what, "match": {"method": method, "path": path}, **more})["id"]


class SimulatedCloud(ControlPort):
    """`python -m mngr.simcloud VENDOR ARGUMENTS…` in a process of its own.

    with SimulatedCloud("vultr", "--machines", "fake") as cloud:
        cloud.env["VULTR_API_KEY"], cloud.url
        cloud.fault("lose_answer", method="POST", path="/instances")
        cloud.bill()
    """

    def __init__(self, vendor: str, *arguments: str, env: Mapping[str, str] | None = None) -> None:
        first = UNLIMITED.get(vendor, ())
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mngr.simcloud", vendor, *first, *arguments, "--while-stdin"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, **(env or {})}, text=True,
        )  # fmt: skip
        try:
            ready = json.loads(self._first_line())
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise
        super().__init__(ready["control"])
        self.ready: dict[str, Any] = ready
        self.url: str = ready["url"]
        self.env: dict[str, str] = ready["env"]
        self.run: str = ready["run"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.stop()

    def stop(self) -> int:
        """SIGTERM, and wait until it has removed all it made. May be repeated; returns the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()
        return code

    def _first_line(self) -> str:
        assert self.process.stdout
        readable, _, _ = select.select([self.process.stdout], [], [], READY_LIMIT_S)
        line = self.process.stdout.readline() if readable else ""
        if not line:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(5 if readable else 0)  # its output ends a moment before it does
            code = self.process.returncode
            raise RuntimeError(f"simcloud said nothing within {READY_LIMIT_S:.0f} s, exit code {code}")
        return line


def send(
    method: str, url: str, body: Any, headers: Mapping[str, str], *, limit_s: float = 30.0
) -> tuple[int, Any]:
    """One HTTP call with a JSON body: (status, decoded answer or None). Raises OSError if no answer comes."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", **headers}
    request = urllib.request.Request(url, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=limit_s) as answer:
            return answer.status, _decoded(answer.read())
    except urllib.error.HTTPError as answer:
        return answer.code, _decoded(answer.read())


def until(check: Callable[[], Found], what: str, limit_s: float = 30.0, every_s: float = 0.1) -> Found:
    """Poll until `check` gives something true, and give that back."""
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        if found := check():
            return found
        time.sleep(every_s)
    raise AssertionError(f"waited {limit_s} s for {what}")


def _decoded(raw: bytes) -> Any:
    return json.loads(raw) if raw else None
