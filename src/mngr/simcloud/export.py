"""`--export`: a cloud in the background, and its environment for `eval "$(…)"` in a shell."""

from __future__ import annotations

import argparse
import json
import os
import select
import shlex
import signal
import sys
import threading
from collections.abc import Callable


def in_background(args: argparse.Namespace, serve: Callable[[], int]) -> int:
    """Runs `serve` in a process of its own, prints what to export once that is ready, and returns; else its exit code, and
    `false` for the shell. It ends when the session does in which this was typed, or when it is killed."""
    leader = os.getsid(0)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.setsid()  # Ctrl-C in that shell isn't for it
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(writing, 1)  # where it says that it is ready; what reads our output needs it closed
        os.close(reading)
        os.close(writing)
        _end_with(leader)
        return serve()
    os.close(writing)
    try:
        with os.fdopen(reading) as said:
            line = said.readline()
    except BaseException:
        os.kill(child, signal.SIGTERM)
        raise
    if not line:
        print("false")
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    ready = json.loads(line)
    more = {"SIMCLOUD_CONTROL": ready["control"], "SIMCLOUD_PID": str(child)}
    env = ready["https_env"] if getattr(args.vendor, "TLS_ONLY", False) else ready["env"]
    for name, value in {**env, **more}.items():
        print(f"export {name}={shlex.quote(value)}")
    print(
        f'simcloud: at {ready["url"]}; it ends with this terminal, or: kill "$SIMCLOUD_PID"', file=sys.stderr
    )
    return 0


def _end_with(leader: int) -> None:
    """Tells this process to end when that one does. One that is gone by now isn't waited for."""

    def wait(process: int) -> None:
        select.select([process], [], [])
        os.kill(os.getpid(), signal.SIGTERM)

    try:
        process = os.pidfd_open(leader)
    except OSError:
        return
    threading.Thread(target=wait, args=(process,), daemon=True).start()
