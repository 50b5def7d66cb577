"""tell.sh and host-events.sh: lines of changes, kept whole and in order; a listener that ends with its client."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mngr.hosts import events, scripts

AGENT = "agent-1"


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A host dir with an agent that is done."""
    agent = tmp_path / "agents" / AGENT
    agent.mkdir(parents=True)
    (agent / "agent.json").write_text("{}")
    (agent / "session").write_text("a1\n")
    (agent / "exit_code").write_text("3\n")
    return tmp_path


def tell(host: Path, *calls: str, before: str = "") -> None:
    """`calls`: the words of each call of tell."""
    text = "\n".join([before, f"dir='{host}'", scripts.text("tell"), *(f"tell {one}" for one in calls)])
    subprocess.run(["sh", "-euc", text], check=True, timeout=60)


def told(host: Path) -> list[events.Line]:
    return events.lines_of((host / "agents/.events").read_text())


def until(what: Callable[[], bool], limit_s: float = 20) -> None:
    end = time.monotonic() + limit_s
    while not what():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_lines_are_numbered_whoever_writes_them(host: Path) -> None:
    text = (
        f"dir='{host}'\n{scripts.text('tell')}\nfor i in 1 2 3 4 5; do tell {AGENT} a1 waiting question; done"
    )
    writers = [subprocess.Popen(["sh", "-c", text]) for _ in range(8)]
    assert [one.wait(60) for one in writers] == [0] * 8
    lines = told(host)
    assert [one.number for one in lines] == list(range(1, 41))
    assert {(one.of.state, one.of.reason, one.of.exit_code) for one in lines} == {
        ("waiting", "question", None)
    }


def test_old_lines_are_dropped_and_numbers_go_on(host: Path) -> None:
    (host / "agents/.events").write_text(
        "".join(f"{i} 1700000000 {AGENT} a1 running - -\n" for i in range(1, 2000))
    )
    tell(host, f"{AGENT} a1 done - 7", f"{AGENT} a1 running")
    lines = told(host)
    assert [lines[0].number, lines[-1].number, len(lines)] == [1001, 2001, 1001]
    assert lines[-2].of.exit_code == 7


@pytest.mark.parametrize("end", [f"3 1700000000 {AGENT} a1 done - 1", "3 17", "\0\0\0", "x\n\n"])
def test_a_line_that_was_cut_short_is_none_and_the_next_one_is_whole(host: Path, end: str) -> None:
    (host / "agents/.events").write_text(f"2 1700000000 {AGENT} a1 running - -\n{end}")
    tell(host, f"{AGENT} a1 waiting")
    assert [one.of.state for one in told(host)] == ["running", "waiting"]
    assert told(host)[-1].number == 3


@pytest.mark.parametrize("spoiled", ["events", "lock", "folder"])
def test_where_nothing_can_be_written_nothing_fails(host: Path, spoiled: str) -> None:
    if spoiled == "folder":
        (host / "agents").rename(host / "gone")
    else:
        (host / "agents" / {"events": ".events", "lock": ".events.lock"}[spoiled]).symlink_to("/dev/full")
    tell(host, f"{AGENT} a1 waiting")


class Listener:
    def __init__(self, host: Path, since: int, *, every: int = 1) -> None:
        self.out = host / f"out{time.monotonic_ns()}"
        with self.out.open("w") as out:
            self.process = subprocess.Popen(
                events.argv(str(host), "none", since, every=every), stdin=subprocess.PIPE, stdout=out,
                start_new_session=True,
            )  # fmt: skip

    @property
    def heard(self) -> list[events.Line | events.States | events.Beat]:
        return [*events.read(self.out.read_text().splitlines())]

    @property
    def lines(self) -> list[int]:
        return [one.number for one in self.heard if isinstance(one, events.Line)]

    def end(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        assert self.process.wait(10) == 0
        until(lambda: not _group(self.process.pid))


def _group(pgid: int) -> str:
    return subprocess.run(
        ["ps", "-o", "pid=", "-g", str(pgid)], capture_output=True, text=True
    ).stdout.strip()


def test_a_listener_hears_how_it_is_and_what_comes_and_ends_with_its_input(host: Path) -> None:
    tell(host, f"{AGENT} a1 running", f"{AGENT} a1 done - 3")
    listener = Listener(host, -1)
    until(lambda: any(isinstance(one, events.Beat) for one in listener.heard))
    first = listener.heard[0]
    assert isinstance(first, events.States)
    assert [(one.name, one.state, one.exit_code) for one in first.agents] == [("a1", "done", 3)]
    assert (first.number, listener.lines) == (2, [])
    tell(host, f"{AGENT} a1 running")
    until(lambda: listener.lines == [3])
    assert list((host / "agents").glob(".listener-*"))
    listener.end()
    assert not list((host / "agents").glob(".listener-*"))


def test_it_goes_on_from_a_number_over_a_drop_of_old_lines_and_a_lost_file(host: Path) -> None:
    file = host / "agents/.events"
    file.write_text("".join(f"{i} 1700000000 {AGENT} a1 running - -\n" for i in range(1, 1999)))
    listener = Listener(host, 1996)
    until(lambda: listener.lines == [1997, 1998])
    tell(host, *[f"{AGENT} a1 waiting"] * 4)
    until(lambda: listener.lines == [1997, 1998, 1999, 2000, 2001, 2002])
    file.unlink()
    tell(host, f"{AGENT} a1 running", f"{AGENT} a1 waiting")
    until(lambda: listener.lines[-2:] == [1, 2])
    listener.end()
    later = Listener(host, 2000)
    until(lambda: later.lines == [1, 2])
    later.end()


def test_what_changes_without_a_line_is_heard_with_a_beat(host: Path) -> None:
    listener = Listener(host, -1)
    until(lambda: len(listener.heard) > 1)
    (host / "agents" / AGENT / "exit_code").unlink()
    until(lambda: sum(isinstance(one, events.States) for one in listener.heard) == 2)
    states = [one for one in listener.heard if isinstance(one, events.States)]
    assert [one.state for one in states[-1].agents] == ["stopped"]
    listener.end()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_a_listener_that_is_killed_leaves_nothing_running(host: Path, how: signal.Signals) -> None:
    listener = Listener(host, -1, every=30)
    until(lambda: bool(listener.heard) and bool(list((host / "agents").glob(".listener-*"))))
    time.sleep(0.2)
    listener.process.send_signal(how)
    listener.process.wait(10)
    assert listener.process.stdin
    listener.process.stdin.close()
    until(
        lambda: (
            "sleep" in _names(listener.process.pid)
            if how == signal.SIGKILL
            else not _group(listener.process.pid)
        )
    )


def _names(pgid: int) -> list[str]:
    """What still runs; of a listener that was killed a sleep may."""
    done = subprocess.run(["ps", "-o", "comm=", "-g", str(pgid)], capture_output=True, text=True)
    names = done.stdout.split()
    return ["sleep"] if set(names) <= {"sleep"} else names


def test_what_an_agent_writes_there_is_taken_for_what_it_is() -> None:
    junk = "1 x\n2 1700000000 agent-1 a1 \x1b[31m - -\n3 1700000000 ../x a1 running - -\n4 1700000000 agent-1 - running - -\n"
    good = "5 1700000000 - - stopping idle -\n6 1700000000 agent-1 a1 done - 999999\n"
    assert [(one.number, one.of.state, one.of.exit_code) for one in events.lines_of(junk + good)] == [
        (5, "stopping", None),
        (6, "done", None),
    ]
