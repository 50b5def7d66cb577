"""Long steps of making images: two at a time, and ended in good order when their process is told to end."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from typing import IO

from mngr.simcloud.machines.base import Unavailable

STEP_LIMIT_S = 600.0
END_LIMIT_S = 20.0

_steps: set[subprocess.Popen[bytes]] = set()


def step(*argv: str, stdin: IO[bytes] | None = None) -> None:
    """Run a command of the system. Raises Unavailable with the end of what it said if it fails."""
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            argv, stdin=stdin or subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True
        )
        _steps.add(process)
        try:
            code = process.wait(STEP_LIMIT_S)
        finally:
            _end(process, 0)
            _steps.discard(process)
        if code:
            said.seek(max(0, said.seek(0, os.SEEK_END) - 2000))
            words = said.read().decode(errors="replace").strip()
            raise Unavailable(f"{argv[0]} {argv[1]} … failed: {words}")


def side_by_side(*acts: Callable[[], None]) -> None:
    """Run them all, each in a thread; raises what the first failing one has raised.

    When the waiting thread is interrupted, the steps under way are ended, so that each act tidies up after itself.
    """
    failures: list[BaseException] = []

    def attempt(act: Callable[[], None]) -> None:
        try:
            act()
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=attempt, args=(act,), daemon=True) for act in acts]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            thread.join()
    except BaseException:
        _end_all(threads)
        raise
    if failures:
        raise failures[0]


def _end_all(threads: list[threading.Thread]) -> None:
    end = time.monotonic() + END_LIMIT_S
    while any(thread.is_alive() for thread in threads) and time.monotonic() < end:
        for process in list(_steps):
            _end(process, 5.0)
        time.sleep(0.1)


def _end(process: subprocess.Popen[bytes], grace_s: float) -> None:
    """End it with all that it has started; mmdebstrap uses the grace to remove its folder."""
    if process.poll() is not None:
        return
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(grace_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
