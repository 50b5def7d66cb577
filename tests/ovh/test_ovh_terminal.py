"""`mngr ovh …` on a terminal: its width, its questions."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time
from collections.abc import Callable

from mngr.testing.cli import COMMAND
from mngr.testing.ovh import OvhWorld

LIMIT_S = 60


def typed(world: OvhWorld, *words: str, answer: str = "", columns: int = 60) -> tuple[int, str]:
    """Exit code and screen of `mngr WORDS`, with `answer` typed at its question."""
    child, terminal = pty.fork()
    if child == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        os.chdir(world.scratch)
        os.execve(COMMAND[0], [*COMMAND, *words], {**world.env, "TERM": "xterm"})
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


def test_a_list_is_cut_to_sixty_columns(account: Callable[..., OvhWorld]) -> None:
    world = account()
    tags = {"mngr-provider": "ovh", "mngr-host-key": "A" * 68}
    world.cloud.ask("POST", "/seed_vps", {"count": 2, "cancelled": True, "tags": tags})
    code, screen = typed(world, "ovh", "list", "--all")
    lines = screen.splitlines()
    assert (code, len(lines)) == (0, 3)
    assert [len(line) for line in lines] == [60] * 3
    assert all(line.endswith("…") for line in lines)


def test_no_and_ctrl_c_at_a_question_do_nothing(account: Callable[..., OvhWorld]) -> None:
    world = account()
    [service] = world.cloud.ask("POST", "/seed_vps", {"count": 1})["services"]
    before = world.cloud.resources()
    create = ("create", "one", "--provider", "ovh", "--no-code")
    for words in (("ovh", "adopt", service), create):
        code, screen = typed(world, *words, answer="n\n")
        assert code == 1
        assert "nothing was done, as you said no" in screen
        code, screen = typed(world, *words, answer="\x03")
        assert code == 130
        assert "mngr: interrupted" in screen
    assert world.cloud.resources() == before
    assert world.markers() == []
    assert len(world.cloud.bill()["lines"]) == 1
