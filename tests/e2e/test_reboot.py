"""A rented machine that is rebooted: container, sshd and watcher come back by themselves, and mode `boot` counts anew."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.cli import Cli
from support.simcloud import Simcloud

pytestmark = [pytest.mark.e2e, pytest.mark.docker]

TIMEOUT_S = 45
#: A boot, looks every 3 s, the stop itself, a busy computer.
SLACK_S = 90


def until(cli: Cli, test: Callable[[dict[str, Any]], bool], limit_s: float) -> dict[str, Any]:
    """The host's row once it passes `test`."""
    end = time.monotonic() + limit_s
    while not test(host := cli.host("box")):
        assert time.monotonic() < end, host
        time.sleep(1)
    return host


def test_a_rebooted_machine_brings_its_host_back_and_mode_boot_counts_from_then(tmp_path: Path) -> None:
    with Simcloud("vultr") as cloud:
        cli = Cli(tmp_path / "home", cloud.env)
        baked = (
            "--provider",
            "vultr",
            "-b",
            "--vps-image=docker",
            "--image",
            "mngr/agent:bookworm",
            "--no-code",
        )
        idle = ("--idle-mode", "boot", "--idle-timeout", str(TIMEOUT_S))
        talking = ("sh", "-c", "echo made >made; while sleep 1; do echo tick; done")
        cli.run("create", "box", *baked, *idle, "--", *talking)
        first = cli.host("box")["idle"]
        assert first["last_signal"] == "boot"
        container = cli.run("exec", "box", "stat -c %Y /proc/1").stdout

        [machine] = [one["id"] for one in cloud.resources("instance")]
        cloud.api("POST", f"/instances/{machine}/reboot")
        # The watcher's idle.conf and its boot signal are seen by a probe inside the container.
        back = until(
            cli,
            lambda host: host["state"] == "running" and host["idle"]["idle_since"] > first["idle_since"],
            SLACK_S,
        )
        assert back["idle"]["last_signal"] == "boot"
        assert cli.run("exec", "box", "stat -c %Y /proc/1").stdout > container
        assert cli.run("exec", "box", "cat made").stdout == "made\n"

        # Whatever its agent does, the host stops itself, and not before its time-out from the second boot.
        cli.run("start", "box")
        after = until(cli, lambda host: host["state"] == "paused", TIMEOUT_S + SLACK_S)
        said = re.search(r"idle since (\S+) \(last seen: boot; mode boot", after["idle"]["stop_reason"])
        assert said, after["idle"]
        # Either is "now" less an age, so they may differ by the rounding.
        seen, noted = (datetime.fromisoformat(one) for one in (back["idle"]["idle_since"], said[1]))
        assert abs(seen - noted) <= timedelta(seconds=2)
        assert cli.agent("box")["state"] == "stopped"
        cli.run("destroy", "--yes", "box")
