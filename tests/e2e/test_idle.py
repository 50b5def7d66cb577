"""Idle modes on real machines: while a mode's signal is there the host lives; without it, its own machine stops it.

Five modes run at the same time, each on a rented machine of its own, as nearly all of it is waiting.
"""

from __future__ import annotations

import contextlib
import os
import pty
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.cli import Cli
from support.simcloud import Simcloud

pytestmark = [pytest.mark.e2e, pytest.mark.docker]

TIMEOUT_S = 20
#: Looks every 3 s, plus the stop itself, plus a busy computer.
SLACK_S = 45

#: A machine that has Docker, and an image that has what agents need: nothing is installed on the way.
BAKED = ("--provider", "vultr", "-b", "--vps-image=docker", "--image", "mngr/agent:bookworm")

SILENT = ["sleep", "100000"]
TALKING = ["sh", "-c", "while sleep 1; do echo tick; done"]
#: Some 0.4 s of computing, 0.4 s of rest: far above `busy_cpu`, also on a busy computer.
WORKING = ["sh", "-c", "while sleep 0.4; do i=0; while [ $i -lt 400000 ]; do i=$((i+1)); done; done"]

AT_ONCE = 5

#: Machines boot two at a time: while all do, two cores answer nobody else in time.
BOOTING = threading.Semaphore(2)

Keep = Callable[[Cli, str, threading.Event], None]


def by_agent(cli: Cli, name: str, done: threading.Event) -> None:
    """The agent's own doing is the signal; at the end it falls silent."""
    done.wait()
    cli.run("exec", name, "pkill -f '[w]hile sleep'")


def by_typing(cli: Cli, name: str, done: threading.Event) -> None:
    """A person at a terminal: `mngr connect`, a key every two seconds."""
    master, slave = pty.openpty()
    client = cli.start("connect", name, stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    os.set_blocking(master, False)
    shown = b""
    while not done.wait(2):
        assert client.poll() is None, f"connect ended: {shown[-2000:]!r}"
        os.write(master, b"x")
        with contextlib.suppress(BlockingIOError):
            shown += os.read(master, 1 << 16)
    client.terminate()
    client.wait(30)
    os.close(master)


def by_ssh(cli: Cli, name: str, done: threading.Event) -> None:
    """An SSH session that stays open."""
    client = cli.start("exec", name, "sleep 100000")
    done.wait()
    # The command first: a shared connection keeps it, and its end of our pipe, when only the client goes.
    cli.run("exec", name, "pkill -x sleep; true")
    client.communicate(timeout=30)


def by_starting(cli: Cli, name: str, done: threading.Event) -> None:
    while not done.wait(4):
        cli.run("start", name)


def by_creating(cli: Cli, name: str, done: threading.Event) -> None:
    count = 0
    while not done.wait(4):
        count += 1
        cli.run("create", f"{name}-{count}@{name}.vultr", "--no-code", "--", *SILENT)


def by_process(cli: Cli, name: str, done: threading.Event) -> None:
    """The agent is alive and silent; then it ends."""
    done.wait()
    cli.run("exec", name, "pkill -x sleep")


def by_reboot(cli: Cli, name: str, done: threading.Event) -> None:
    """Nothing but boots counts; there is none while we wait, so the host must not outlive its time-out."""


CASES: dict[str, tuple[list[str], Keep]] = {
    "io": (TALKING, by_agent),
    "agent": (WORKING, by_agent),
    "user": (TALKING, by_typing),
    "ssh": (TALKING, by_ssh),
    "create": (TALKING, by_creating),
    "start": (TALKING, by_starting),
    "boot": (TALKING, by_reboot),
    "run": (SILENT, by_process),
    "disabled": (SILENT, by_reboot),
}


def scenario(cli: Cli, mode: str) -> dict[str, Any]:
    """Runs one mode to its end; returns the host's states on the way."""
    command, keep = CASES[mode]
    name = f"idle-{mode}"
    idle = ("--idle-mode", mode.upper(), "--idle-timeout", str(TIMEOUT_S))
    with BOOTING:
        cli.run("create", name, *BAKED, "--no-code", *idle, "--", *command)
    done = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        kept = pool.submit(keep, cli, name, done)
        time.sleep(2 * TIMEOUT_S + 5)
        during = cli.host(name)
        done.set()
        kept.result(60)
    end = time.monotonic() + TIMEOUT_S + SLACK_S
    after = cli.host(name)
    seen = [after["state"]]
    while after["state"] != "paused" and time.monotonic() < end and mode != "disabled":
        time.sleep(2)
        after = cli.host(name)
        seen.append(after["state"])
    return {"during": during, "after": after, "seen": seen}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[dict[str, Any]]]]:
    home = tmp_path_factory.mktemp("idle") / "home"
    with Simcloud("vultr") as cloud, ThreadPoolExecutor(AT_ONCE) as pool:
        cli = Cli(home, {**cloud.env, "TERM": "xterm-256color"})
        yield {mode: pool.submit(scenario, cli, mode) for mode in CASES}
        hosts = [f"@{host['name']}" for host in cli.json("list", code=None)["hosts"]]
        cli.run("destroy", "--yes", *hosts)
        assert not [line for line in cloud.bill()["lines"] if line.get("open")]


@pytest.mark.parametrize("mode", [mode for mode in CASES if mode not in ("boot", "disabled")])
def test_a_host_lives_while_the_signal_is_there_and_stops_itself_when_it_is_not(
    outcomes: dict[str, Future[dict[str, Any]]], mode: str
) -> None:
    seen = outcomes[mode].result(600)
    assert seen["during"]["state"] == "running", seen
    assert seen["after"]["state"] == "paused", seen
    assert set(seen["seen"]) <= {"running", "stopping", "paused"}, seen
    assert "idle since" in seen["after"]["idle"]["stop_reason"]
    assert f"mode {mode}" in seen["after"]["idle"]["stop_reason"]


def test_mode_boot_stops_a_host_whatever_its_agent_does(outcomes: dict[str, Future[dict[str, Any]]]) -> None:
    seen = outcomes["boot"].result(600)
    assert seen["after"]["state"] == "paused"
    assert "last seen: boot" in seen["after"]["idle"]["stop_reason"]


def test_mode_disabled_never_stops_a_silent_host(outcomes: dict[str, Future[dict[str, Any]]]) -> None:
    seen = outcomes["disabled"].result(600)
    assert seen["during"]["state"] == seen["after"]["state"] == "running"
