"""mngr as a person types it at a terminal who answers its question."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from mngr.testing.cli import COMMAND

LIMIT_S = 240


def typed(
    env: Mapping[str, str],
    cwd: Path,
    *words: str,
    answer: str = "",
    columns: int = 60,
    before: Sequence[str] = (),
) -> tuple[int, str]:
    """Exit code and screen of `[BEFORE…] mngr WORDS`, with `answer` typed at its question."""
    child, terminal = pty.fork()
    if child == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        os.chdir(cwd)
        argv = [*before, *COMMAND, *words]
        os.execvpe(argv[0], argv, {**env, "TERM": "xterm"})
    screen, end = b"", time.monotonic() + LIMIT_S
    while time.monotonic() < end:
        if not select.select([terminal], [], [], 1)[0]:
            continue
        try:
            screen += os.read(terminal, 4096)
        except OSError:
            break  # it ended
        if answer and b"Go on?" in screen:
            os.write(terminal, answer.encode())
            answer = ""
    else:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    os.close(terminal)
    return os.waitstatus_to_exitcode(status), screen.decode()
