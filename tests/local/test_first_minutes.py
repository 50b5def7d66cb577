"""The README's first agent, typed as it stands there by a person at a terminal of 80 columns."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.local import Local

README = Path(__file__).parents[2] / "README.md"
#: What the terminal shows before each line: how the last one ended.
PROMPT = re.compile(r"<(\d+)> ?")


def commands() -> list[str]:
    """The lines of README's chapter, without what is said of them."""
    chapter = README.read_text().split("## A first agent\n")[1]
    block = re.match(r"\n((?:    .*\n)+)", chapter)
    assert block
    return [line.split(" # ")[0].strip() for line in block[1].splitlines()]


class Person:
    """Somebody at a shell in a terminal of 80 columns, which another tmux draws."""

    def __init__(self, mngr: Local, folder: Path) -> None:
        programs = folder / "bin"
        programs.mkdir()
        (programs / "claude").write_text('#!/bin/sh\necho "asked: $*"\nexec sleep 1000\n')
        (programs / "claude").chmod(0o755)
        self._socket = folder / "terminal"
        self._env = {**mngr.env, "PS1": "<$?> ", "HISTFILE": ""}
        self._env["PATH"] = f"{programs}:{Path(sys.executable).parent}:{mngr.env['PATH']}"
        shell = ["bash", "--norc", "--noprofile"]
        self._tmux(
            "-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "60", "-c", str(mngr.cwd), *shell
        )
        self._tmux("set-option", "-g", "prefix", "None")  # Ctrl-b is the agent's tmux's
        self.transcript: list[str] = []

    def types(self, line: str) -> tuple[int, str]:
        """Types a line, leaves the agent that it may connect to; how it ended, and what was to be seen."""
        self._until(lambda: self._ended() is not None, "the shell waits for a line")
        before = len(self._lines())
        self._tmux("send-keys", "-l", line)
        self._tmux("send-keys", "Enter")
        connects = line.startswith(("mngr create", "mngr connect"))
        if connects:
            self._until(lambda: "[" in self._lines()[-1] and self._ended() is None, f"{line!r} connects")
            self._tmux("send-keys", "C-b", "d")
        self._until(lambda: self._ended() is not None and len(self._lines()) > before, f"{line!r} ends")
        code, seen = self._ended(), self._lines()[before - 1 : -1]
        assert code is not None
        self.transcript += seen
        return code, "\n".join(seen)

    def end(self) -> None:
        self._tmux("kill-server")

    def _lines(self) -> list[str]:
        shown = self._tmux("capture-pane", "-p", "-S", "-")
        return shown.rstrip("\n").split("\n")

    def _ended(self) -> int | None:
        """How the last line ended, if the shell waits for another."""
        found = PROMPT.fullmatch(self._lines()[-1])
        return int(found[1]) if found else None

    def _tmux(self, *words: str) -> str:
        argv = ["tmux", "-S", str(self._socket), *words]
        return subprocess.run(
            argv, env=self._env, capture_output=True, text=True, timeout=20, check=True
        ).stdout

    def _until(self, test: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + 40
        while not test():
            assert time.monotonic() < end, f"{what}\n" + "\n".join(self._lines())
            time.sleep(0.1)


@pytest.fixture
def person(mngr: Local, tmp_path: Path) -> Iterator[Person]:
    subprocess.run(["git", "init", "-q", str(mngr.cwd)], check=True)
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(
        ["git", "-C", str(mngr.cwd), *who, "commit", "-q", "--allow-empty", "-m", "the first"], check=True
    )
    person = Person(mngr, tmp_path)
    yield person
    person.end()


def test_the_readmes_first_agent_at_a_terminal_of_80_columns(
    person: Person, mngr: Local, tmp_path: Path
) -> None:
    lines = commands()
    assert len(lines) >= 10, lines
    seen: dict[str, str] = {}
    for line in lines:
        if line.startswith("mngr destroy"):
            break
        code, seen[line] = person.types(line)
        # A shell asks nothing, and keeps no record.
        assert code == (2 if line.startswith(("mngr answer", "mngr transcript")) else 0), seen[line]
    whole = "\n".join(person.transcript)
    assert "Traceback" not in whole
    assert "a bug" not in whole
    rows = seen["mngr list"].splitlines()
    assert {row.split()[0] for row in rows if row.startswith(("my-agent", "fix"))} == {"my-agent", "fix"}
    assert all(
        re.search(r"\b(running|waiting)\b", row) for row in rows if row.startswith(("my-agent", "fix"))
    )
    assert "the first" in seen['mngr exec my-agent "git log --oneline | head"']
    assert ".git" in seen["mngr exec my-agent ls -la"]
    assert sorted(mngr.names()) == ["fix", "fix-tests"]
    (tmp_path / "transcript.txt").write_text(whole)
    print(whole)


def test_destroy_asks_and_no_is_no(person: Person, mngr: Local) -> None:
    person.types("mngr create my-agent")
    person._tmux("send-keys", "-l", "mngr destroy my-agent")
    person._tmux("send-keys", "Enter")
    person._until(lambda: "?" in "\n".join(person._lines()[-3:]), "it asks")
    person._tmux("send-keys", "n", "Enter")
    person._until(lambda: person._ended() is not None, "it ends")
    assert person._ended() == 1
    assert mngr.names() == ["my-agent"]
