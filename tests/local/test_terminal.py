"""What a person sees of an agent: at a terminal of any size and locale, and in its logs."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from support.local import Local

LOCALES = {
    "none": {},
    "C": {"LANG": "C"},
    "POSIX": {"LC_ALL": "POSIX"},
    "not installed": {"LANG": "xx_YY.UTF-8", "LC_CTYPE": "xx_YY.UTF-8"},
}


def tmux(mngr: Local, *words: str) -> str:
    [label] = [path.name for path in (mngr.tmux / f"tmux-{os.getuid()}").iterdir()]
    argv = ["tmux", "-u", "-L", label, *words]
    return subprocess.run(argv, env=mngr.env, capture_output=True, text=True, timeout=20).stdout.strip()


def until(what: str, test: object, limit_s: float = 20) -> None:
    end = time.monotonic() + limit_s
    while not test():  # type: ignore[operator]
        assert time.monotonic() < end, what
        time.sleep(0.1)


class Terminal:
    def __init__(self, process: "subprocess.Popen[bytes]", ours: int) -> None:
        self.process, self.ours, self.shown = process, ours, b""

    def read(self) -> None:
        while select.select([self.ours], [], [], 0.2)[0] and self.process.poll() is None:
            try:
                self.shown += os.read(self.ours, 65536)
            except OSError:
                return


@contextmanager
def connected(mngr: Local, name: str, lines: int, columns: int, locale: dict[str, str]) -> Iterator[Terminal]:
    """A terminal of that size on an agent; at the end it is closed."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    env = {key: value for key, value in mngr.env.items() if key != "LANG" and not key.startswith("LC_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "mngr", "connect", name], stdin=theirs, stdout=theirs, stderr=theirs,
        env={**env, "TERM": "xterm-256color", **locale}, start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )  # fmt: skip
    os.close(theirs)
    terminal = Terminal(process, ours)
    try:
        until("it is attached", lambda: (terminal.read(), tmux(mngr, "list-clients"))[1] != "")
        yield terminal
    finally:
        os.close(ours)
        process.wait(20)


@pytest.mark.parametrize("locale", LOCALES.values(), ids=LOCALES)
def test_a_terminal_shows_accents_and_boxes_whatever_the_locale_is(
    mngr: Local, locale: dict[str, str]
) -> None:
    mngr.create("a1", "sh", "-c", "printf 'caf\\303\\251 \\342\\224\\202'; exec sleep 1000")
    with connected(mngr, "a1", 24, 80, locale) as terminal:
        assert tmux(mngr, "list-clients", "-F", "#{client_utf8}") == "1"
        until("it is shown", lambda: (terminal.read(), "café │".encode() in terminal.shown)[1])


@pytest.mark.parametrize(
    ("given", "seen"),
    [({}, "UTF-8"), ({"LC_ALL": "C"}, "ANSI_X3.4-1968"), ({"LC_CTYPE": "POSIX"}, "ANSI_X3.4-1968")],
)
def test_an_agent_has_a_locale_with_all_letters_unless_one_is_chosen(
    mngr: Local, given: dict[str, str], seen: str
) -> None:
    for key in [key for key in mngr.env if key == "LANG" or key.startswith("LC_")]:
        del mngr.env[key]
    options = tuple(word for pair in given.items() for word in ("--env", "=".join(pair)))
    mngr.create("a1", "sh", "-c", "locale charmap; exec sleep 1000", options=options)
    assert mngr.run("exec", "a1", "locale charmap").stdout == f"{seen}\n"
    until("it says so", lambda: seen in mngr.run("logs", "a1").stdout)


def test_an_agent_that_ends_says_in_its_pane_how_to_leave_and_to_run_it_again(mngr: Local) -> None:
    mngr.create("a1", "sh", "-c", "read line; echo last words; exit 3")
    with connected(mngr, "a1", 24, 80, {}) as terminal:
        line = b"a1 ended (exit code 3): C-b d leaves, mngr start a1 runs it again"
        # tmux may pass over what is typed while it draws a new client.
        until(
            "it says so", lambda: (os.write(terminal.ours, b"\r"), terminal.read(), line in terminal.shown)[2]
        )
        assert mngr.state("a1") == "done"
        os.write(terminal.ours, b"\x02d")
        assert terminal.process.wait(20) == 0
    assert mngr.run("logs", "a1").stdout.split("\n")[-2:] == ["last words", ""]
    mngr.run("start", "a1")
    with connected(mngr, "a1", 24, 80, {}) as terminal:
        terminal.read()
        assert b"ended" not in terminal.shown


def test_a_terminal_that_leaves_gives_the_windows_their_size_back(mngr: Local) -> None:
    mngr.create("a1", "sleep", "1000")
    tmux(mngr, "new-window", "-d", "-t", "=a1:", "sleep 1000")
    sizes = ("list-windows", "-t", "=a1", "-F", "#{window_width}x#{window_height}")
    for _ in range(2):
        with connected(mngr, "a1", 24, 80, {}):
            until("it is as wide as the terminal", lambda: "80x23" in tmux(mngr, *sizes))
            tmux(mngr, "next-window", "-t", "=a1")
            until("so is the other", lambda: tmux(mngr, *sizes) == "80x23\n80x23")
            with connected(mngr, "a1", 30, 90, {}):
                until("the newer one counts", lambda: "90x29" in tmux(mngr, *sizes))
            until("one is left", lambda: "80x23" in tmux(mngr, *sizes))
        until("they have their own size again", lambda: tmux(mngr, *sizes) == "200x50\n200x50")


SHOWN = r"""
stty -echo
printf '10%%\r20%%\r30%%\n'
printf '\033]0;a title\007done\n'
printf '\033]2;another\033\\\033Pquery\033\\fine\n'
printf 'abc\b\bX\n'
printf '\033[1;31mred\033[0m and caf\303\251 \342\224\202\n'
printf 'first\nsecond\n\033[2A\033[2Kchanged\n\n'
printf '\033[?1049h\033[2J\033[H all of the screen\033[?1049l'
printf '%0300d\n' 7
printf '\033]52;c;c2VjcmV0\007\033[6n\033[cend\n'
"""


def test_logs_show_what_a_person_saw(mngr: Local) -> None:
    mngr.create("a1", "sh", "-c", SHOWN + "exec sleep 1000")
    until("all is there", lambda: "end" in mngr.run("logs", "a1").stdout)
    seen = ["30%", "done", "fine", "aXc", "red and café │", "changed", "second", f"{7:0300}", "end"]
    assert mngr.run("logs", "a1").stdout.splitlines() == seen
    mngr.run("stop", "a1")
    assert mngr.run("logs", "a1").stdout.splitlines() == seen
    raw = mngr.run("logs", "a1", "--raw").stdout
    assert "10%" in raw
    assert "\x1b]0;a title\x07" in raw
    assert mngr.run("logs", "a1", "-n", "2").stdout.splitlines() == seen[-2:]
    mngr.run("start", "a1")
    until("it runs again", lambda: mngr.run("logs", "a1").stdout.splitlines() == seen * 2)
    assert mngr.run("logs", "a1", "--raw").stdout.count("a title") == 2


def typed(mngr: Local, terminal: Terminal, text: str, shown: str) -> None:
    """Types it, and waits until the logs have `shown`."""
    os.write(terminal.ours, text.encode())
    until(f"{shown!r} is there", lambda: (terminal.read(), shown in mngr.run("logs", "a1").stdout)[1])


def test_logs_show_what_was_typed_at_a_narrow_terminal(mngr: Local) -> None:
    """Lines that wrapped there, and were drawn anew, as they were seen; also of what has ended, and was stopped."""
    mngr.create("a1", "bash", "--norc", options=("--env", "PS1=> ", "--env", "HISTFILE="))
    line = f"echo {'word ' * 30}end"
    with connected(mngr, "a1", 24, 60, {}) as terminal:
        typed(mngr, terminal, "seq 1\n", "\n1\n>")
        typed(mngr, terminal, f"{line}\n", "end\n>")
        # Up, up, down: without an escape, after which bash may wait.
        typed(mngr, terminal, "\x10\x10\x0e", f"end\n> {line}")
        typed(mngr, terminal, "\x15seq 3\n", "\n3\n>")
    with connected(mngr, "a1", 30, 100, {}) as terminal:
        typed(mngr, terminal, "exit 7\n", "\nexit")
    seen = ["> seq 1", "1", f"> {line}", "word " * 30 + "end", "> seq 3", "1", "2", "3", "> exit 7", "exit"]
    until("it has ended", lambda: mngr.state("a1") == "done")
    assert mngr.run("logs", "a1").stdout == "".join(f"{one}\n" for one in seen)
    mngr.run("stop", "a1")
    assert mngr.run("logs", "a1").stdout.splitlines() == seen


def test_logs_of_a_session_that_was_killed_are_there(mngr: Local) -> None:
    mngr.create("a1", "sh", "-c", "echo one; printf '1%%\\r100%%\\n'; exec sleep 1000")
    until("all is there", lambda: "100%" in mngr.run("logs", "a1").stdout)
    tmux(mngr, "kill-server")
    assert mngr.run("logs", "a1").stdout == "one\n100%\n"
    mngr.run("start", "a1")
    until("both are there", lambda: mngr.run("logs", "a1").stdout == "one\n100%\n" * 2)


def test_logs_show_the_screen_of_a_program_that_fills_it(mngr: Local) -> None:
    mngr.create(
        "a1", "sh", "-c", r"printf 'before\n\033[?1049h\033[2J\033[3;5Hmenu\033[4;5Hchoice'; exec sleep 1000"
    )
    until("all is there", lambda: "choice" in mngr.run("logs", "a1").stdout)
    assert mngr.run("logs", "a1").stdout.splitlines() == ["before", "", "", "    menu", "    choice"]


@pytest.mark.parametrize("cut", [r"\033]0;open", r"\033[31", r"\033Popen", r"\342\224", r"\033"])
def test_logs_hold_no_control_sequence_and_end_with_a_cut_one(mngr: Local, cut: str) -> None:
    mngr.create("a1", "sh", "-c", rf"printf 'a\001\233b\n\302\2335nshown{cut}'; exec sleep 1000")
    until("all is there", lambda: "shown" in mngr.run("logs", "a1").stdout)
    text = mngr.run("logs", "a1").stdout
    assert not [letter for letter in text if letter != "\n" and not letter.isprintable()]


def test_screen_of_what_has_ended_is_what_was_there_last(mngr: Local) -> None:
    """tmux scrolls a line off to say at the bottom that a command has ended."""
    mngr.create("a1", "sh", "-c", "echo first; echo last; exit 3")
    until("it has ended", lambda: mngr.agent("a1")["state"] == "done")
    [first, last, ended] = mngr.json("screen", "a1")["lines"]
    assert (first, last) == ("first", "last")
    assert ended.startswith("a1 ended (exit code 3)")
    mngr.create("a2", "sh", "-c", "seq 100; exec sleep 1000")
    until("it is drawn", lambda: "100" in mngr.json("screen", "a2")["lines"])
    assert mngr.json("screen", "a2")["lines"] == [str(n) for n in range(52, 101)]
