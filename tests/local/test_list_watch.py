"""`mngr list --watch`, on a real terminal and for programs."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.local import Local


def until(what: Callable[[], Any], limit_s: float = 30) -> None:
    end = time.monotonic() + limit_s
    while not what():
        assert time.monotonic() < end
        time.sleep(0.1)


class Terminal:
    """A terminal of 60 columns, of a tmux of its own, in which a shell runs."""

    def __init__(self, mngr: Local, socket: Path) -> None:
        # A test's worker may have a size of its own in its environment.
        self.socket = socket
        self.env = {key: value for key, value in mngr.env.items() if key not in ("COLUMNS", "LINES")}
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", "60", "-y", "10", "-c", str(mngr.cwd), "sh")

    def tmux(self, *words: str) -> str:
        argv = ["tmux", "-u", "-S", str(self.socket), *words]
        return subprocess.run(
            argv, env=self.env, capture_output=True, text=True, check=True, timeout=20
        ).stdout

    def type(self, *keys: str) -> None:
        self.tmux("send-keys", *keys)

    @property
    def lines(self) -> list[str]:
        return self.tmux("capture-pane", "-p").rstrip("\n").splitlines()


@pytest.fixture
def terminal(mngr: Local, tmp_path: Path) -> Iterator[Terminal]:
    terminal = Terminal(mngr, mngr.tmux / "watch")
    yield terminal
    terminal.tmux("kill-server")


def test_the_table_follows_what_happens_and_leaves_the_terminal_as_it_was(
    mngr: Local, terminal: Terminal
) -> None:
    mngr.create("a1", "sleep", "1000")
    terminal.type(f"{sys.executable} -m mngr list --watch", "Enter")
    until(lambda: terminal.lines[:1] and terminal.lines[0].startswith("NAME"))
    assert terminal.lines[1].startswith("a1 ")
    mngr.create("b2", "sh", "-c", "exit 7")
    until(lambda: any(line.split()[:3] == ["b2", "done", "7"] for line in terminal.lines))
    mngr.run("stop", "a1", "-q")
    until(lambda: any(line.split()[:2] == ["a1", "stopped"] for line in terminal.lines))
    mngr.run("rename", "b2", "b3", "-q")
    until(lambda: any(line.startswith("b3 ") for line in terminal.lines))
    mngr.run("destroy", "b3", "--yes", "-q")
    until(lambda: len(terminal.lines) == 2)
    for name in ("c1", "c2"):
        mngr.create(name, "sh", "-c", "exit 0")
    terminal.tmux("resize-window", "-x", "40", "-y", "4")
    until(lambda: terminal.lines[-1].endswith("and 2 more"))
    assert all(len(line) <= 40 for line in terminal.lines)
    terminal.type("C-c")
    until(
        lambda: terminal.tmux("display-message", "-p", "#{alternate_on} #{cursor_flag}").split() == ["0", "1"]
    )
    terminal.type("clear; echo code $?", "Enter")
    until(
        lambda: any(line.startswith("code 0") for line in terminal.lines)
    )  # of clear: the shell has the terminal
    until(lambda: not [line for line in mngr.processes().values() if "# host-events" in line])


def test_programs_get_the_rows_that_change(mngr: Local, tmp_path: Path) -> None:
    mngr.create("a1", "sleep", "1000")
    out = tmp_path / "out"
    with out.open("w") as file:
        watching = mngr.start("list", "--watch", "--format", "jsonl", stdout=file)
    try:
        until(lambda: any("# host-events" in line for line in mngr.processes().values()))
        time.sleep(0.3)
        mngr.create("a2", "sh", "-c", "exit 7")
        until(lambda: rows(out)[-1:] == [("a2", "done", 7)])
        mngr.run("stop", "a1", "-q")
        mngr.run("destroy", "a2", "--yes", "-q")
        until(lambda: rows(out)[-2:] == [("a1", "stopped", None), ("a2", "removed", 7)])
        assert {name for name, _, _ in rows(out)[:1]} == {"a1"}
    finally:
        watching.terminate()
        watching.communicate(timeout=20)
    assert watching.returncode == 130
    assert "terminal" in mngr.run("list", "--watch", code=2).stderr
    mngr.run("list", "--watch", "--format", "json", code=2)


def rows(out: Path) -> list[tuple[str, str, int | None]]:
    every = [json.loads(line) for line in out.read_text().splitlines()]
    return [(row["name"], row["state"], row["exit_code"]) for row in every]
