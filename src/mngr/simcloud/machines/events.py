"""Machines that go off, on or through a reboot by themselves, as the Docker daemon reports it."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable

from mngr.simcloud.docker import DockerError, docker

REBOOTED, POWERED_OFF = 129, 130
"""What a system container's first process ends with: SIGHUP after reboot(2), SIGINT after power-off."""


class Events:
    """Follows `docker events` of one process's machines: starts again those that rebooted, tells of the rest."""

    def __init__(self, label: str, told: Callable[[str, bool], None]) -> None:
        self._told = told
        form = "{{.Action}} {{.Actor.Attributes.name}} {{.Actor.Attributes.exitCode}}"
        filters = ("--filter", "type=container", "--filter", f"label={label}")
        more = ("--filter", "event=die", "--filter", "event=start", "--format", form)
        self._process = subprocess.Popen(
            ["docker", "events", *filters, *more],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _follow(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            action, container, *rest = line.split()
            code = int(rest[0]) if rest and rest[0].isdigit() else 0
            if action == "die" and code == REBOOTED:
                threading.Thread(target=_start_again, args=(container,), daemon=True).start()
            else:
                self._told(container, action == "start")


def _start_again(container: str) -> None:
    try:
        docker("start", container, limit_s=30)
    except DockerError:
        return
