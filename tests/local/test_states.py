"""What `list` says of agents, whatever they run."""

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from support.local import Local


def test_running_waiting_and_how_they_change(mngr: Local) -> None:
    """Output or CPU time is running; neither for ten seconds is waiting."""
    mngr.create("prints", "sh", "-c", "while sleep 1; do date; done")
    mngr.create("computes", "sh", "-c", "exec >/dev/null 2>&1; while :; do :; done")
    mngr.create("sleeps", "sleep", "1000")
    mngr.create("reads", "sh", "-c", "read line; echo got $line; exec sleep 1000")
    mngr.until_state("sleeps", "waiting")
    mngr.until_state("reads", "waiting")
    assert mngr.state("prints") == "running"
    assert mngr.state("computes") == "running"
    row = mngr.agent("sleeps")
    assert row["exit_code"] is None
    assert row["active_at"]


def test_why_an_agent_waits_is_told_by_its_program(mngr: Local) -> None:
    """By OSC 7501, whatever it is and though it blinks; that is in `list`, by --state, in JSON and in the events."""
    asks = r"printf '\033]7501;state=blocked:app=x:kind=permission\007Proceed?'; while sleep 0.5; do printf '\033]2;%s\007' $$; done"
    mngr.create("asks", "sh", "-c", asks)
    mngr.create("sleeps", "sleep", "1000")
    row = mngr.until_state("asks", "waiting")
    assert (row["reason"], row["signal"]) == ("permission", "told: state=blocked:app=x:kind=permission")
    assert row["since"]
    assert mngr.run("list", "--state", "permission", "-q").stdout == "asks\n"
    assert "waiting: permission" in mngr.run("list", "asks").stdout
    assert "state        waiting: permission, for " in mngr.run("show", "asks").stdout
    told = (mngr.home / "agents/.events").read_text()
    assert f"{row['id']} asks waiting permission -\n" in told


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (["true"], 0),
        (["sh", "-c", "exit 7"], 7),
        (["no-such-command-here"], 127),
        (["/etc/passwd"], 126),
        (["sh", "-c", "kill -9 $$"], 137),
        (["sh", "-c", "exec >&- 2>&- <&-; exit 3"], 3),
        (["sh", "-c", "sleep 1000 & exit 4"], 4),
        (["--help"], 127),
    ],
    ids=["true", "code", "missing", "not-executable", "killed", "closed", "left-a-child", "dashes"],
)
def test_a_command_that_ended_is_done_and_keeps_its_code(mngr: Local, command: list[str], code: int) -> None:
    mngr.create("a1", *command)
    assert mngr.until_state("a1", "done")["exit_code"] == code
    head, row = mngr.run("list").stdout.splitlines()
    assert head.split()[:3] == ["NAME", "STATE", "EXIT"]
    assert row.split()[:3] == ["a1", "done", str(code)]
    mngr.run("destroy", "a1", "--yes")
    for pid, line in mngr.processes().items():
        assert "sleep 1000" not in line, pid


def test_a_stopped_agent_is_stopped_and_a_started_one_forgets_its_code(mngr: Local) -> None:
    mngr.create("a1", "sh", "-c", "test -e again || { touch again; exit 5; }; exec sleep 1000")
    assert mngr.until_state("a1", "done")["exit_code"] == 5
    mngr.run("start", "a1")
    assert mngr.agent("a1")["exit_code"] is None
    assert mngr.state("a1") in ("running", "waiting")
    mngr.run("stop", "a1")
    assert mngr.state("a1") == "stopped"


def test_a_killed_agent_does_not_look_alive(mngr: Local) -> None:
    """As after a reboot: everything of it is gone at once."""
    mngr.create("a1", "sleep", "1000")
    for pid, line in mngr.processes().items():
        if "tmux" in line or "run-agent" in line or "sleep 1000" in line or "watch.sh" in line:
            try:
                os.kill(pid, 9)
            except ProcessLookupError:
                pass
    time.sleep(0.5)
    assert mngr.state("a1") == "stopped"
    mngr.run("start", "a1")
    assert mngr.state("a1") == "running"


@pytest.mark.parametrize("noted", [True, False], ids=["build-of-yesterday", "older"])
def test_a_watcher_of_another_build_is_replaced_by_the_next_start(mngr: Local, noted: bool) -> None:
    mngr.create("a1", "sleep", "1000")
    script, process = mngr.home / "commands/watch.sh", mngr.home / "watch.process"

    def watchers() -> set[int]:
        """But for what they start."""
        return {
            pid
            for pid in mngr.processes_with("commands/watch.sh")
            if os.getpgid(pid) == pid and b"sleep" not in Path(f"/proc/{pid}/cmdline").read_bytes()
        }

    def until_watched(by: Callable[[], object]) -> None:
        end = time.monotonic() + 20
        while not by():
            assert time.monotonic() < end
            time.sleep(0.1)

    until_watched(process.exists)
    first = int(process.read_text().split()[0])
    mngr.create("a2", "sleep", "1000")  # the same build: nothing changes
    assert int(process.read_text().split()[0]) == first
    mngr.end("commands/watch.sh")

    text = script.read_text()
    noting = 'echo "$$ ${20} $build"'
    assert text.count(noting) == 1
    script.write_text(text.replace(noting, 'echo "$$ ${20}"' if noted else "false"))
    mark = mngr.home / "watch.mark"
    for file in (process, mark):
        file.unlink()
    label = [word for word in (mngr.home / "agents/.server").read_text().split("/") if word][-1].strip()
    old = subprocess.Popen(["setsid", "sh", str(script), str(mngr.home), label], env=mngr.env, cwd="/")
    until_watched(mark.exists)
    assert process.exists() == noted
    mngr.create("a3", "sleep", "1000")
    assert old.wait(10) != 0
    until_watched(process.exists)
    until_watched(lambda: watchers() == {int(process.read_text().split()[0])})
    assert script.read_text() == text


def test_one_record_that_cannot_be_read_is_a_problem_and_the_rest_is_listed(mngr: Local) -> None:
    mngr.create("a1", "sleep", "1000")
    mngr.create("a2", "sleep", "1000")
    broken = mngr.home / "agents" / mngr.agent("a2")["id"] / "agent.json"
    text = broken.read_text()
    broken.write_text("{")
    listed = mngr.json("list", code=None)
    assert [one["name"] for one in listed["agents"]] == ["a1"]
    assert "can't be read" in listed["hosts"][0]["problem"]
    broken.write_text(text)
