"""`mngr events` and `on_change`, as a user types them, on this computer."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support.local import Local


def until(what: Callable[[], Any], limit_s: float = 30) -> None:
    end = time.monotonic() + limit_s
    while not what():
        assert time.monotonic() < end
        time.sleep(0.05)


@contextmanager
def following(mngr: Local, out: Path, *options: str) -> Iterator[Callable[[], list[str]]]:
    """`mngr events --follow`; yields what gives the lines that it has printed so far."""
    with out.open("w") as file, (out.parent / f"{out.name}.err").open("w") as err:
        process = mngr.start("events", "--follow", *options, stdout=file, stderr=err)
        try:
            until(lambda: any("# host-events" in line for line in mngr.processes().values()))
            time.sleep(0.3)
            yield lambda: out.read_text().splitlines()
        finally:
            process.terminate()
            process.wait(20)


def states(lines: list[str]) -> list[tuple[str, str, int | None]]:
    rows = [json.loads(line) for line in lines]
    return [(row["name"], row["state"], row["exit_code"]) for row in rows if row["state"] != "waiting"]


def test_past_changes_are_shown_oldest_first(mngr: Local) -> None:
    assert mngr.run("events").stdout == ""
    mngr.create("a1", "sh", "-c", "exit 3")
    mngr.create("a2", "sleep", "1000")
    mngr.run("stop", "a2", "-q")
    mngr.run("rename", "a2", "b2", "-q")
    every = [
        ("a1", "running", None), ("a1", "done", 3), ("a2", "running", None), ("a2", "stopped", None), ("b2", "renamed", None),
    ]  # fmt: skip
    until(lambda: states(mngr.run("events", "--format", "jsonl").stdout.splitlines()) == every)
    rows = mngr.json("events", "a1")
    assert [(row["state"], row["host"]["name"], row["reason"]) for row in rows] == [
        ("running", "localhost", None),
        ("done", "localhost", None),
    ]
    assert mngr.json("events", "@localhost", "--since", "1h")[-1]["reason"] == "a2"
    shown = mngr.run("events").stdout.splitlines()
    assert shown[1].endswith(" a1@localhost.local done (exit code 3)")
    assert shown[-1].endswith(" b2@localhost.local was a2 before")
    assert mngr.run("events", "--format", "{name} {state}").stdout.splitlines()[0] == "a1 running"
    mngr.run("events", "nobody", code=3)
    mngr.run("events", "--follow", "--format", "json", code=2)
    mngr.run("events", "--since", "long", code=2)


def test_of_a_past_without_an_end_the_end_is_read(mngr: Local) -> None:
    mngr.create("a1", "sleep", "1000")
    until(lambda: mngr.json("events"))  # its own comes no more
    file = mngr.home / "agents" / ".events"
    begin = "".join(f"{number} 1 {'a' * 32} early running - -\n" for number in range(1, 6000))
    file.write_text(f"{begin}6000 2 {'a' * 32} late done - 3\n")
    rows = mngr.json("events")
    assert (rows[-1]["name"], rows[-1]["exit_code"]) == ("late", 3)
    assert 4000 < len(rows) < 5900


def test_who_follows_is_told_at_once_of_each_change(mngr: Local, tmp_path: Path) -> None:
    mngr.create("a1", "sleep", "1000")
    with (
        following(mngr, tmp_path / "all", "--format", "jsonl") as every,
        following(mngr, tmp_path / "one", "a1", "--format", "jsonl") as one,
    ):
        mngr.create("a2", "sh", "-c", "exit 3")
        mngr.run("stop", "a1", "-q")
        mngr.run("destroy", "a2", "--yes", "-q")
        wanted = [
            ("a2", "running", None),
            ("a2", "done", 3),
            ("a1", "stopped", None),
            ("a2", "removed", None),
        ]
        until(lambda: states(every()) == wanted)
        until(lambda: states(one()) == [("a1", "stopped", None)])
    assert not [line for line in mngr.processes().values() if "# host-events" in line]


def test_a_listener_that_was_killed_misses_nothing(mngr: Local, tmp_path: Path) -> None:
    mngr.create("a1", "sleep", "1000")
    with following(mngr, tmp_path / "all", "--format", "jsonl") as lines:
        for name in ("a2", "a3"):
            mngr.end("# host-events")
            mngr.create(name, "sh", "-c", "exit 3")
        wanted = [("a2", "running", None), ("a2", "done", 3), ("a3", "running", None), ("a3", "done", 3)]
        until(lambda: states(lines()) == wanted)


def test_on_change_is_run_once_for_each_whoever_follows(mngr: Local, tmp_path: Path) -> None:
    changes = tmp_path / "changes"
    mngr.home.mkdir(exist_ok=True)
    (mngr.home / "config.toml").write_text(f"on_change = 'cat >>{changes}; echo no room >&2; exit 3'\n")
    mngr.create("a1", "sleep", "1000")
    with following(mngr, tmp_path / "one"), following(mngr, tmp_path / "two", "-q"):
        waiting = mngr.start("wait", "a1", "--for", "stopped")
        time.sleep(1)
        mngr.create("a2", "sh", "-c", "exit 3")
        mngr.run("stop", "a1", "-q")
        assert waiting.wait(40) == 0
        of_wait = waiting.communicate()[1]
        until(lambda: changes.exists() and len(states(changes.read_text().splitlines())) == 3)
    assert states(changes.read_text().splitlines()) == [
        ("a2", "running", None), ("a2", "done", 3), ("a1", "stopped", None),
    ]  # fmt: skip
    said = of_wait + "".join((tmp_path / f"{name}.err").read_text() for name in ("one", "two"))
    assert said.count("on_change: its command gave 3: no room") in (
        1,
        2,
    )  # a wait's turn may have come before theirs
    assert (tmp_path / "two").read_text() == ""


def test_a_wait_runs_it_to_its_end(mngr: Local, tmp_path: Path) -> None:
    mngr.home.mkdir(exist_ok=True)
    done = tmp_path / "done"
    (mngr.home / "config.toml").write_text(f"on_change = ['sh', '-c', 'sleep 1; cat >{done}']\n")
    end = mngr.cwd / "end"
    mngr.create("a1", "sh", "-c", f"while [ ! -e {end} ]; do echo at work; sleep 0.05; done")
    waiting = mngr.start("wait", "a1", "--for", "done")
    until(lambda: any("# host-events" in line for line in mngr.processes().values()))
    time.sleep(0.3)
    end.touch()
    assert waiting.wait(40) == 0
    waiting.communicate()
    assert json.loads(done.read_text())["state"] == "done"


def test_it_is_run_for_neighbours_of_those_that_are_followed(mngr: Local, tmp_path: Path) -> None:
    changes = tmp_path / "changes"
    mngr.home.mkdir(exist_ok=True)
    (mngr.home / "config.toml").write_text(f"on_change = 'cat >>{changes}'\n")
    mngr.create("a1", "sleep", "1000")
    with following(mngr, tmp_path / "one", "a1", "--format", "jsonl") as one:
        mngr.create("a2", "sh", "-c", "exit 3")
        mngr.run("stop", "a1", "-q")
        until(lambda: states(one()) == [("a1", "stopped", None)])
        until(lambda: changes.exists() and len(states(changes.read_text().splitlines())) == 3)


def test_who_follows_on_runs_it_while_a_wait_still_does(mngr: Local, tmp_path: Path) -> None:
    """For a change that came to the wait: that one ends what it has begun."""
    go, begun, changes = tmp_path / "go", tmp_path / "begun", tmp_path / "changes"
    mngr.home.mkdir(exist_ok=True)
    line = f'read -r line; case $line in *a1*) echo >{begun}; until [ -e {go} ]; do sleep 0.05; done;; esac; echo "$line" >>{changes}'
    (mngr.home / "config.toml").write_text(f"on_change = {json.dumps(line)}\n")
    end = mngr.cwd / "end"
    mngr.create("a1", "sh", "-c", f"while [ ! -e {end} ]; do echo at work; sleep 0.05; done")
    waiting = mngr.start("wait", "a1", "--for", "done")
    assert waiting.stdout
    until(lambda: any("# host-events" in line for line in mngr.processes().values()))
    time.sleep(0.3)
    with following(mngr, tmp_path / "on", "--since", "1h", "--format", "jsonl") as on:
        until(on)
        follower = mngr.processes_with("events --follow")
        for pid in follower:
            os.kill(pid, signal.SIGSTOP)  # the wait sees it first
        try:
            end.touch()
            assert waiting.stdout.readline() == "a1 is done (exit code 0)\n"
            until(begun.exists)  # else the follower may be the first after all
        finally:
            for pid in follower:
                os.kill(pid, signal.SIGCONT)
        until(lambda: states(on())[1:] == [("a1", "done", 0)])
        mngr.create("a2", "sh", "-c", "exit 3")
        try:
            until(lambda: changes.exists() and len(states(changes.read_text().splitlines())) == 2)
        finally:
            go.touch()
        assert waiting.wait(40) == 0
        waiting.communicate()
    assert states(changes.read_text().splitlines()) == [
        ("a2", "running", None),
        ("a2", "done", 3),
        ("a1", "done", 0),
    ]


def test_a_project_can_t_have_commands_run_here(mngr: Local) -> None:
    subprocess.run(["git", "init", "-q", mngr.cwd], check=True)
    (mngr.cwd / ".mngr").mkdir()
    for name in ("settings.toml", "settings.local.toml"):
        file = mngr.cwd / ".mngr" / name
        file.write_text("on_change = 'touch /tmp/never'\n")
        said = mngr.run("list", code=2).stderr
        assert f"{file}: on_change can't be set by a project" in said
        file.unlink()
