"""The Docker daemon of a rented machine is killed: its host comes back by itself, unless it was stopped."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.cli import Cli
from support.simcloud import Simcloud

pytestmark = [pytest.mark.e2e, pytest.mark.docker]

#: The daemon's start, and the guard's next look (every 30 s) with its own slack of 5 s.
BACK_S = 120
KILL = "pid=$(pidof dockerd); kill -9 $pid; while kill -0 $pid 2>/dev/null || ! docker info >/dev/null 2>&1; do sleep 0.5; done"


def on(machine: str, line: str) -> str:
    """What a shell line prints on a simulated cloud's machine."""
    found = subprocess.run(
        ["docker", "ps", "-q", "--filter", f"name={machine}"], capture_output=True, text=True, check=True
    ).stdout.split()
    return subprocess.run(
        ["docker", "exec", found[0], "sh", "-c", line],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    ).stdout


def test_a_host_comes_back_after_its_dockerd_was_killed_and_a_stopped_one_doesnt(tmp_path: Path) -> None:
    with Simcloud("vultr") as cloud:
        cli = Cli(tmp_path / "home", cloud.env)
        baked = ("-b", "--vps-image=docker", "--image", "mngr/agent:bookworm", "--no-code")
        cli.run("create", "box", "--provider", "vultr", *baked, "--", "sleep", "100000")
        cli.run("exec", "box", "echo made >made")
        [machine] = [one["id"] for one in cloud.resources("instance")]

        on(machine, KILL)
        end = time.monotonic() + BACK_S
        while cli.host("box")["state"] != "running":
            assert time.monotonic() < end, cli.host("box")
            time.sleep(2)
        cli.run("start", "box")
        assert cli.run("exec", "box", "cat made").stdout == "made\n"

        cli.run("stop", "box")
        on(machine, KILL)
        on(machine, "systemctl start mngr-guard.service")  # ends once it has looked
        assert cli.host("box")["state"] == "stopped"
        cli.run("destroy", "--yes", "box")
