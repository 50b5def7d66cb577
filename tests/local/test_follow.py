"""`mngr logs -f`: what comes, of one agent and of several, until they end."""

import signal
import subprocess
import time

import pytest
from local.test_send import Talk

from mngr.ops.log_lines import Lines
from support.local import Local


@pytest.fixture
def talk(mngr: Local) -> Talk:
    return Talk(mngr)


def test_following_shows_past_and_coming_lines_until_the_agent_ends(mngr: Local) -> None:
    mngr.create(
        "a1",
        "sh",
        "-c",
        "echo before; while ! test -e go; do sleep 0.1; done; printf '1%%\\r2%%\\n'; echo é; exit 3",
    )
    mngr.create("a2", "sh", "-c", "echo other; exec sleep 1000")
    process = mngr.start("logs", "-f", "a1")
    assert process.stdout
    assert process.stdout.readline() == "before\n"
    (mngr.cwd / "go").touch()
    out, error = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, "2%\né\n")
    assert "a1 has ended (exit code 3)" in error
    assert mngr.run("logs", "-f", "a1", "-n", "1").stdout == "é\n"
    assert mngr.run("logs", "a1", "a2").stdout == "a1 | before\na1 | 2%\na1 | é\na2 | other\n"


def test_ctrl_c_ends_following_and_leaves_nothing(mngr: Local) -> None:
    for name in ("one", "second"):
        mngr.create(name, "sh", "-c", f"while sleep 0.2; do echo {name}; done")
    killed = mngr.home / "agents/.listener-999999999"
    killed.write_text("999999999 1\n")
    process = mngr.start("logs", "-f", "one", "second")
    assert process.stdout
    lines: set[str] = set()
    end = time.monotonic() + 30
    while lines < {"one    | one\n", "second | second\n"}:
        assert time.monotonic() < end, lines
        lines.add(process.stdout.readline())
    assert [line for line in mngr.processes().values() if "agent-follow" in line]
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "has ended" not in err  # they go on
    end = time.monotonic() + 10
    while left := [line for line in mngr.processes().values() if "agent-follow" in line]:
        assert time.monotonic() < end, left
        time.sleep(0.1)
    assert not [*(mngr.home / "agents").glob(".listener-*")]


def test_a_long_past_and_much_at_once_come_whole(mngr: Local) -> None:
    mngr.create("a1", "sh", "-c", "until [ -e go ]; do sleep 0.1; done; exec sleep 1000")
    (folder,) = [file.parent for file in (mngr.home / "agents").glob("*/agent.json")]
    line = b"0123456789 abcdefghijklmnopqrstuvwxyz \xc3\xa9\n"
    log = folder / "log"
    log.write_bytes(line * 300_000)
    process = mngr.start("logs", "-f", "--raw", "a1")
    assert process.stdout
    seen = process.stdout.read(len(line) * 300_000 - 300_000)  # characters
    assert seen == line.decode() * 300_000
    with log.open("ab") as file:
        file.write(line * 60_000)
    assert process.stdout.read((len(line) - 1) * 60_000) == line.decode() * 60_000
    process.terminate()
    process.communicate(timeout=20)


def test_whoever_reads_no_more_ends_it(mngr: Local) -> None:
    mngr.create("a1", "sh", "-c", "while sleep 0.1; do echo more; done")
    process = mngr.start("logs", "-f", "a1")
    head = subprocess.run(
        ["head", "-n", "2"], stdin=process.stdout, capture_output=True, text=True, timeout=30
    )
    assert head.stdout == "more\nmore\n"
    assert process.stdout
    process.stdout.close()
    assert process.wait(20) == 0


def test_of_a_program_that_draws_on_the_screen_what_is_new_is_shown(talk: Talk) -> None:
    talk.create("a1", "alternate=1", "busy=1")
    talk.until("a1", ">")
    process = talk.mngr.start("logs", "-f", "a1")
    talk.mngr.run("send", "a1", "first")
    talk.mngr.run("send", "a1", "exit")
    out, _ = process.communicate(timeout=60)
    lines = out.splitlines()
    assert process.returncode == 0
    assert "you: 'first'" in lines
    assert lines.count("a small program") == 1
    assert "\x1b" not in out


def test_what_is_drawn_over_is_told_once() -> None:
    seen = Lines()
    assert [*seen.written(b"one\ntw")] == ["one"]
    assert [*seen.written(b"o\r\n10%\r20%\r\n\xc3")] == ["two", "20%"]
    assert [*seen.written(b"\xa9")] == []
    assert [*seen.end()] == ["é"]
    assert [*seen.screen(b"one\ntwo\n\n* Working (3s)\n> ")] == ["* Working (3s)", ">"]
    assert [*seen.screen(b"one\ntwo\n\n+ Working (4s)\n> ")] == []
    assert [*seen.screen(b"two\nthree\n\n+ Working (5s)\n> ")] == ["three"]
    assert [*seen.screen(b"")] == []
    assert [*seen.screen(b"two\nthree\nfour\n> ")] == ["four"]
    lines = [f"test {number} passed" for number in range(60)]
    seen.screen("\n".join(lines[:50]).encode())
    assert [*seen.screen("\n".join(lines[:50]).encode())] == lines[:50]
    assert [*seen.screen("\n".join(lines[10:]).encode())] == lines[50:]
