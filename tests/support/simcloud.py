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
from typing import Any

READY_LIMIT_S = 15.0
READY_LIMIT_WITH_IMAGES_S = 600.0
STOP_LIMIT_S = 60.0


class Simcloud:
    """`python -m mngr.simcloud VENDOR …` in a process of its own.

    with Simcloud("vultr", "--machines", "fake") as cloud:
        cloud.env["VULTR_API_KEY"], cloud.url
        cloud.fault("lose_answer", method="POST", path="/instances")
        cloud.api("POST", "/instances", {...})
        cloud.bill()
    """

    def __init__(self, vendor: str, *arguments: str, run: str | None = None) -> None:
        environment = {**os.environ, **({"MNGR_TEST_RUN": run} if run else {})}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mngr.simcloud", vendor, *arguments, "--while-stdin"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
        )
        try:
            ready = json.loads(self._first_line(arguments))
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise
        self.ready: dict[str, Any] = ready
        self.url: str = ready["url"]
        self.control_url: str = ready["control"]
        self.env: dict[str, str] = ready["env"]
        self.run: str = ready["run"]

    def __enter__(self) -> Simcloud:
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

    def api(self, method: str, path: str, body: Any = None, *, key: str | None = None) -> tuple[int, Any]:
        """Call the cloud's API as its customer: (status, body). Raises OSError if no answer comes."""
        token = self.env.get("VULTR_API_KEY", "") if key is None else key
        return send(method, self.url + path, body, {"Authorization": f"Bearer {token}"})

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Ask the control port; raises ValueError with its complaint."""
        status, answer = send(method, self.control_url + path, body, {}, limit_s=90)
        if status != 200:
            raise ValueError(f"{method} {path}: {status} {answer}")
        return answer

    def bill(self) -> dict[str, Any]:
        return self.control("GET", "/bill")

    def resources(self, kind: str | None = None) -> list[dict[str, Any]]:
        found = self.control("GET", "/resources")["resources"]
        return [one for one in found if kind in (None, one["kind"])]

    def calls(self, since: int = 0) -> list[dict[str, Any]]:
        return self.control("GET", f"/calls?since={since}")["calls"]

    def advance(self, seconds: float) -> None:
        self.control("POST", "/clock", {"advance_s": seconds})

    def fault(self, do: str, *, method: str | None = None, path: str | None = None, **more: Any) -> int:
        """Order a fault; its number."""
        return self.control("POST", "/faults", {"do": do, "match": {"method": method, "path": path}, **more})[
            "id"
        ]

    def gate(self, at: str, *, method: str | None = None, path: str | None = None, **more: Any) -> int:
        return self.control("POST", "/gates", {"at": at, "match": {"method": method, "path": path}, **more})[
            "id"
        ]

    def held(self, wait_s: float = 10.0) -> list[dict[str, Any]]:
        """The calls that gates hold; waits until there is one."""
        return self.control("GET", f"/gates?wait_s={wait_s}")["held"]

    def release(self, then: str = "go", held: int | None = None) -> int:
        return self.control("POST", "/gates/release", {"then": then, "held": held})["released"]

    def clear(self) -> None:
        """Take all gates and faults away; what is held goes on."""
        self.control("DELETE", "/gates")
        self.control("DELETE", "/faults")

    def settle(self, limit_s: float = 30.0) -> bool:
        """Wait until the machines have done what was asked of them."""
        return self.control("POST", "/settle", {"limit_s": limit_s})["settled"]

    def _first_line(self, arguments: tuple[str, ...]) -> str:
        limit_s = READY_LIMIT_S if "fake" in arguments else READY_LIMIT_WITH_IMAGES_S
        assert self.process.stdout
        readable, _, _ = select.select([self.process.stdout], [], [], limit_s)
        line = self.process.stdout.readline() if readable else ""
        if not line:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(5 if readable else 0)  # its output ends a moment before it does
            raise RuntimeError(
                f"simcloud said nothing within {limit_s:.0f} s, exit code {self.process.returncode}"
            )
        return line


def send(
    method: str, url: str, body: Any, headers: dict[str, str], *, limit_s: float = 30.0
) -> tuple[int, Any]:
    """One HTTP call with a JSON body: (status, decoded answer or None)."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        url, data, {"Content-Type": "application/json", **headers}, method=method
    )
    try:
        with urllib.request.urlopen(request, timeout=limit_s) as answer:
            return answer.status, _decoded(answer.read())
    except urllib.error.HTTPError as answer:
        return answer.code, _decoded(answer.read())


def _decoded(raw: bytes) -> Any:
    return json.loads(raw) if raw else None


def until(check: Any, what: str, limit_s: float = 30.0, every_s: float = 0.1) -> Any:
    """Poll until `check` gives something true, and give that back."""
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        if found := check():
            return found
        time.sleep(every_s)
    raise AssertionError(f"waited {limit_s} s for {what}")
