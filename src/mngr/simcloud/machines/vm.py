"""One virtual machine: its QEMU process, and how it is switched on and off.

QEMU is asked over a socket pair (QMP,
https://www.qemu.org/docs/master/interop/qemu-qmp-ref.html), listens on the machine's loopback address only, and
is killed by the kernel when this process ends, however it does.
"""

from __future__ import annotations

import json
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

from mngr.qemu.command import Hardware, arguments
from mngr.qemu.overlay import QemuError

ANSWER_LIMIT_S = 30.0
KILL_LIMIT_S = 10.0


class Vm:
    """A machine that is off until it is started. `went_off` is called when it goes off by itself."""

    def __init__(self, hardware: Hardware, went_off: Callable[[], None]) -> None:
        self.hardware = hardware
        self._went_off = went_off
        self._process: subprocess.Popen[bytes] | None = None
        self._monitor: _Monitor | None = None
        self._ending: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self, fault: str = "") -> None:
        """Switch it on; nothing if it is. `fault` breaks its first boot. Raises QemuError."""
        if self.running:
            return
        ours, theirs = socket.socketpair()
        broken = (f"simcloud.fault={fault}",) if fault else ()
        argv = arguments(self.hardware, theirs.fileno(), *broken)
        started: Future[subprocess.Popen[bytes]] = Future()
        threading.Thread(target=self._keep, args=(argv, theirs, started), daemon=True).start()
        self._process = started.result()
        try:
            self._monitor = _Monitor(ours)
        except (OSError, ValueError) as problem:
            self.kill()
            said = self.hardware.log.read_text(errors="replace").strip()
            raise QemuError(f"QEMU didn't start: {said or problem}")

    def power_off(self, grace_s: float) -> None:
        """Press the power button; pull the plug if it isn't off within that time. Nothing if it is off."""
        self._ending = self._process
        if self._process is None or not self._monitor or not self.running:
            return
        try:
            self._monitor.ask("system_powerdown")
            self._process.wait(grace_s)
        except (OSError, ValueError, QemuError, subprocess.TimeoutExpired):
            self.kill()

    def kill(self) -> None:
        """Pull the plug. May be repeated."""
        self._ending = self._process
        if self._process is not None:
            self._process.kill()
            self._process.wait(KILL_LIMIT_S)

    @contextmanager
    def at_rest(self) -> Iterator[None]:
        """While this lasts the machine stands still, and its disk is whole in its file."""
        if not self._monitor or not self.running:
            yield
            return
        self._monitor.ask("stop")
        try:
            yield
        finally:
            self._monitor.ask("cont")

    def _keep(
        self, argv: list[str], monitor: socket.socket, started: Future[subprocess.Popen[bytes]]
    ) -> None:
        """Lasts as long as the process does: the kernel's signal goes by the thread that has started it."""
        try:
            with monitor, self.hardware.log.open("wb") as log:
                process = subprocess.Popen(
                    ["setpriv", "--pdeathsig", "KILL", "--", *argv],
                    pass_fds=[monitor.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                )
        except BaseException as problem:
            started.set_exception(problem)
            return
        started.set_result(process)
        process.wait()
        if process is not self._ending:
            self._went_off()


class _Monitor:
    """QEMU's end of a conversation in QMP. Raises OSError or ValueError when QEMU has ended."""

    def __init__(self, connection: socket.socket) -> None:
        connection.settimeout(ANSWER_LIMIT_S)
        with connection:
            self._file = connection.makefile("rwb")
        self._read()
        self.ask("qmp_capabilities")

    def ask(self, command: str) -> Any:
        self._file.write(json.dumps({"execute": command}).encode() + b"\n")
        self._file.flush()
        while True:
            answer = self._read()
            if "error" in answer:
                raise QemuError(f"QEMU refused {command}: {answer['error'].get('desc')}")
            if "return" in answer:
                return answer["return"]

    def _read(self) -> dict[str, Any]:
        return json.loads(self._file.readline())
