"""A simulated cloud in a process of its own, and its control port."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

READY_LIMIT_S = 600.0
STOP_LIMIT_S = 60.0


class SimulatedCloud:
    """`python -m mngr.simcloud VENDOR ARGUMENTS…`, started and stopped; a `world.CloudControl`."""

    def __init__(self, vendor: str, *arguments: str, env: Mapping[str, str] | None = None) -> None:
        unlimited = ("--rate-limit", "0") if vendor == "vultr" else ()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "mngr.simcloud", vendor, *arguments, *unlimited, "--while-stdin"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, **(env or {})}, text=True,
        )  # fmt: skip
        try:
            ready = self._ready()
        except BaseException:
            self._process.kill()
            self._process.wait()
            raise
        self.url: str = ready["url"]
        self.env: dict[str, str] = ready["env"]
        self._control: str = ready["control"]

    def stop(self) -> None:
        """Waits until it has removed all it made. Repeatable."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """One question to the control port. Raises ValueError with its complaint."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self._control + path, data, {"Content-Type": "application/json"}, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=90) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            raise ValueError(
                f"{method} {path}: {error.code} {error.read().decode(errors='replace')}"
            ) from None

    def resources(self) -> list[dict[str, Any]]:
        return self.ask("GET", "/resources")["resources"]

    def bill(self) -> dict[str, Any]:
        return self.ask("GET", "/bill")

    def now(self) -> float:
        return self.ask("GET", "/clock")["epoch_s"]

    def advance(self, seconds: float) -> None:
        self.ask("POST", "/clock", {"advance_s": seconds})

    def settle(self, limit_s: float = 30.0) -> None:
        """Waits until the machines have done what was asked of them. Raises AssertionError at the limit."""
        answer = self.ask("POST", "/settle", {"limit_s": limit_s})
        assert answer["settled"], f"the cloud is still busy after {limit_s:g} s: {answer['busy']}"

    def calls(self, since: int = 0) -> list[dict[str, Any]]:
        return self.ask("GET", f"/calls?since={since}")["calls"]

    def gate(self, at: str, *, method: str | None = None, path: str | None = None, **more: Any) -> int:
        return self.ask("POST", "/gates", {"at": at, "match": {"method": method, "path": path}, **more})["id"]

    def held(self, wait_s: float = 10.0) -> list[dict[str, Any]]:
        return self.ask("GET", f"/gates?wait_s={wait_s}")["held"]

    def release(self, then: str = "go", held: int | None = None) -> int:
        return self.ask("POST", "/gates/release", {"then": then, "held": held})["released"]

    def fault(self, do: str, *, method: str | None = None, path: str | None = None, **more: Any) -> int:
        return self.ask("POST", "/faults", {"do": do, "match": {"method": method, "path": path}, **more})[
            "id"
        ]

    def clear(self) -> None:
        """Takes all gates and faults away; what is held goes on."""
        self.ask("DELETE", "/gates")
        self.ask("DELETE", "/faults")

    def _ready(self) -> dict[str, Any]:
        assert self._process.stdout
        readable, _, _ = select.select([self._process.stdout], [], [], READY_LIMIT_S)
        line = self._process.stdout.readline() if readable else ""
        if not line:
            raise RuntimeError(
                f"simcloud said nothing within {READY_LIMIT_S:g} s, exit code {self._process.poll()}"
            )
        return json.loads(line)
