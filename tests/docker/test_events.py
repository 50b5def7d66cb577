"""`mngr wait` and `mngr events` over ssh into a container: a link that is cut, a host that stops itself while somebody listens."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.cli import Cli

from .conftest import RUN, clear, docker, until

NAME = f"test-events-{RUN}"


@pytest.fixture(scope="module")
def mngr(image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    home = tmp_path_factory.mktemp("events") / "home"
    home.mkdir()
    config = f'[providers.{NAME}]\nbackend = "docker"\ndefault_image = "{image}"\n'
    (home / "config.toml").write_text(config)
    try:
        yield Cli(home)
    finally:
        clear(NAME)


def create(mngr: Cli, where: str, *command: str, idle: tuple[str, ...] = ("--idle-mode", "disabled")) -> str:
    """The container's name."""
    words = ("--provider", NAME, "--no-code", "--no-connect", "-q", *idle, "--", *command)
    mngr.run("create", where, *words)
    return f"mngr-{mngr.agent(where.partition('@')[0])['host']['id']}"


def listens(container: str) -> bool:
    script = "for f in /proc/[0-9]*/cmdline; do tr '\\0' ' ' <$f; echo; done 2>/dev/null | grep -c '[h]ost-events HOST_DIR'"
    return docker("exec", container, "sh", "-c", script, check=False).strip() not in ("", "0")


def links(parent: int) -> list[int]:
    """The ssh clients of a mngr."""
    done = subprocess.run(["pgrep", "-P", str(parent), "-x", "ssh"], capture_output=True, text=True)
    return [int(pid) for pid in done.stdout.split()]


def test_a_cut_link_is_made_anew_and_nothing_is_missed(mngr: Cli, tmp_path: Path) -> None:
    container = create(mngr, "a1@cut", "sh", "-c", "while [ ! -e /tmp/end ]; do sleep 0.1; done; exit 6")
    out = tmp_path / "out"
    with out.open("w") as file:
        events = mngr.start("events", "--follow", "@cut", "--format", "jsonl", stdout=file)
    waiting = mngr.start("wait", "a1", "--for", "done")
    try:
        for process in (events, waiting):
            until("a link", lambda process=process: bool(links(process.pid)), 40)
        until("a listener", lambda: listens(container))
        for process in (events, waiting):
            for pid in links(process.pid):
                os.kill(pid, signal.SIGKILL)
        docker("exec", container, "touch", "/tmp/end")
        assert waiting.communicate(timeout=60)[0] == "a1 is done (exit code 6)\n"
        assert waiting.returncode == 6

        def states() -> list[tuple[str, int | None]]:
            rows = [json.loads(line) for line in out.read_text().splitlines()]
            return [
                (row["state"], row["exit_code"]) for row in rows if row["state"] not in ("running", "waiting")
            ]

        until("the change", lambda: states() == [("done", 6)], 40)
        # sshd is killed, with all connections: process 1 brings it back.
        docker("exec", container, "pkill", "-KILL", "sshd", check=False)
        mngr.run("start", "a1", "-q", code=None)
        mngr.run("stop", "a1", "-q", code=None)
    finally:
        events.terminate()
        events.communicate(timeout=20)
    until("nobody listens", lambda: not listens(container), 30)
    mngr.run("destroy", "@cut", "--yes", "-q")


def test_who_listens_keeps_no_host_up_and_is_told_that_it_stopped(mngr: Cli) -> None:
    create(mngr, "a2@idle", "sleep", "1000", idle=("--idle-mode", "ssh", "--idle-timeout", "8"))
    waiting = mngr.start("wait", "a2", "--for", "done")
    out, err = waiting.communicate(timeout=120)
    assert waiting.returncode == 4, err
    assert "is stopped, as its host is stop" in err
    assert out == ""
    rows = [(row["name"], row["state"], row["reason"]) for row in mngr.json("events", "@idle")]
    assert rows[0] == ("a2", "running", None)
    assert (None, "stopping", "idle") in rows
    assert "a2 is stopped" in mngr.run("wait", "a2", "--for", "stopped").stdout
    events = mngr.start("events", "--follow", "@idle", "--format", "jsonl")
    with pytest.raises(subprocess.TimeoutExpired):
        events.communicate(timeout=5)
    events.terminate()
    assert events.communicate(timeout=20)[0] == ""  # that was before
    mngr.run("destroy", "@idle", "--yes", "-q")


def test_a_host_that_is_destroyed_by_another_is_told_of(mngr: Cli) -> None:
    container = create(mngr, "a3@gone", "sleep", "1000")
    waiting = mngr.start("wait", "a3", "--for", "done")
    until("a listener", lambda: listens(container), 40)
    mngr.run("destroy", "@gone", "--yes", "-q")
    out, err = waiting.communicate(timeout=60)
    assert (waiting.returncode, out) == (3, ""), err


def test_of_two_computers_both_are_told(mngr: Cli, tmp_path: Path) -> None:
    """Here: two mngrs of one user, at agents of two providers at once."""
    create(mngr, "a4@both", "sh", "-c", "while [ ! -e /tmp/end ]; do sleep 0.1; done")
    mngr.run("create", "b4", "--provider", "local", "--no-connect", "-q", "--", "sh", "-c", "exit 5")
    begun = time.monotonic()
    done = mngr.run("wait", "a4", "b4", "--any", "--for", "done", code=5)
    assert "b4 is done (exit code 5)" in done.stdout
    assert time.monotonic() - begun < 60
    waiting = mngr.start("wait", "a4", "b4", "--for", "done")
    mngr.run("exec", "a4", "touch /tmp/end")
    assert sorted(waiting.communicate(timeout=60)[0].splitlines()) == [
        "a4 is done (exit code 0)",
        "b4 is done (exit code 5)",
    ]
    assert waiting.returncode == 5
    mngr.run("destroy", "b4", "@both", "--yes", "-q")
