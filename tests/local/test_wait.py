"""`mngr wait`, as a user types it, on this computer."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import pytest

from support.local import Local


def listening(mngr: Local) -> list[int]:
    return [pid for pid, line in mngr.processes().items() if "# host-events" in line]


def until_listening(mngr: Local, count: int = 1) -> None:
    """Until so many listen (each is a few processes, so: at least, or none)."""
    end = time.monotonic() + 20
    while bool(listening(mngr)) != bool(count):
        assert time.monotonic() < end
        time.sleep(0.05)


def gate(mngr: Local, name: str, code: int = 0, *, waits: bool = True) -> Path:
    """An agent that ends with `code` once the file that is returned is there."""
    file = mngr.cwd / f"end-{name}"
    mngr.create(name, "sh", "-c", f"while [ ! -e {file} ]; do sleep 0.05; done; exit {code}")
    return file


def test_it_gives_the_agent_s_exit_code_also_if_it_has_ended_before(mngr: Local) -> None:
    end = gate(mngr, "a1", 7)
    waiting = mngr.start("wait", "a1", "--for", "done")
    until_listening(mngr)
    end.touch()
    out, err = waiting.communicate(timeout=30)
    assert (out, err, waiting.returncode) == ("a1 is done (exit code 7)\n", "", 7)
    until_listening(mngr, 0)
    assert json.loads(mngr.run("wait", "a1", "--format", "jsonl", code=7).stdout)["exit_code"] == 7
    [row] = json.loads(mngr.run("wait", "a1", "--format", "json", code=7).stdout)
    assert (row["name"], row["fits"], row["state"]) == ("a1", True, "done")
    assert mngr.run("wait", "a1", "-q", code=7).stdout == ""


def test_of_several_it_waits_for_all_or_for_any(mngr: Local) -> None:
    ends = [gate(mngr, name, code) for name, code in (("a1", 2), ("a2", 5), ("a3", 1))]
    anyone = mngr.start("wait", "a1", "a2", "a3", "--any", "--for", "done")
    every = mngr.start("wait", "@localhost", "--for", "done")
    until_listening(mngr)
    ends[2].touch()
    assert anyone.communicate(timeout=30)[0] == "a3 is done (exit code 1)\n"
    assert (anyone.returncode, every.poll()) == (1, None)
    ends[0].touch()
    ends[1].touch()
    assert sorted(every.communicate(timeout=30)[0].splitlines()) == [
        "a1 is done (exit code 2)", "a2 is done (exit code 5)", "a3 is done (exit code 1)",
    ]  # fmt: skip
    assert every.returncode == 5


def test_one_that_can_t_come_to_be_so_any_more_is_told_of(mngr: Local) -> None:
    mngr.create("a1", "sleep", "1000")
    mngr.create("a2", "sleep", "1000")
    waiting = mngr.start("wait", "a1", "--for", "done")
    until_listening(mngr)
    mngr.run("rename", "a1", "b1")
    mngr.run("stop", "b1")
    assert "b1@localhost.local is stopped, and wasn't waited for" in waiting.communicate(timeout=30)[1]
    assert waiting.returncode == 4
    assert mngr.run("wait", "b1", "--for", "stopped,done").stdout == "b1 is stopped\n"
    mngr.run("wait", "b1", "a2", "--for", "done", code=4)
    waiting = mngr.start("wait", "a2", "--for", "done")
    until_listening(mngr)
    mngr.run("destroy", "a2", "--yes")
    assert "a2@localhost.local was removed" in waiting.communicate(timeout=30)[1]
    assert waiting.returncode == 3
    mngr.run("wait", "a2", code=3)


def test_one_that_was_killed_without_a_word_is_noticed(mngr: Local) -> None:
    mngr.create("a1", "sleep", "1000")
    waiting = mngr.start("wait", "a1", "--for", "done,stopped")
    until_listening(mngr)
    mngr.end("run-agent.sh")
    mngr.end("sleep 1000")
    assert waiting.communicate(timeout=40)[0] == "a1 is stopped\n"


def test_the_time_may_be_over_and_words_are_checked(mngr: Local) -> None:
    mngr.create("a1", "sleep", "1000")
    done = mngr.run("wait", "a1", "--for", "done", "--timeout", "1", code=124)
    assert done.stderr.startswith("mngr: not within 1 s: a1 is ")
    done = mngr.run("wait", "a1", "--for", "done", "--timeout", "1s", code=124)
    assert done.stderr.startswith("mngr: not within 1s: a1 is ")
    assert "did you mean permission" in mngr.run("wait", "a1", "--for", "permision", code=2).stderr
    assert "known: running" in mngr.run("wait", "a1", "--for", "", code=2).stderr
    mngr.run("wait", "a1", "--timeout", "soon", code=2)
    mngr.run("wait", code=2)
    mngr.run("wait", "nobody", code=3)


@pytest.mark.parametrize("end", ["TERM", "KILL"])
def test_when_it_is_ended_nothing_listens_any_more(mngr: Local, end: str) -> None:
    mngr.create("a1", "sleep", "1000")
    waiting = mngr.start("wait", "a1", "--for", "done")
    until_listening(mngr)
    subprocess.run(["kill", f"-{end}", str(waiting.pid)], check=True)
    assert waiting.wait(10) == (130 if end == "TERM" else -9)
    until_listening(mngr, 0)
    waiting.communicate()


def test_a_listener_that_was_killed_is_begun_anew_and_nothing_is_missed(mngr: Local) -> None:
    end = gate(mngr, "a1", 4)
    waiting = mngr.start("wait", "a1", "--for", "done")
    until_listening(mngr)
    mngr.end("# host-events")
    end.touch()
    out, err = waiting.communicate(timeout=30)
    assert (out, err, waiting.returncode) == ("a1 is done (exit code 4)\n", "", 4)
