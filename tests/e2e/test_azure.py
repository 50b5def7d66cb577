"""An idle agent's machine ends its own bill on Azure, nobody's mngr running, however often it is refused; and it comes back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.azure import Arm
from support.cli import Cli
from support.simcloud import Simcloud, until

pytestmark = [pytest.mark.e2e, pytest.mark.docker]

TIMEOUT_S = 10
#: A role is unknown for so long after it was given, by the cloud's clock: until the test moves that.
SPREADS_S = 3600
#: Silent at first; once it was started again it talks, so that its host isn't idle.
AGENT = ["sh", "-c", "[ -e made ] && while sleep 1; do echo tick; done; echo kept >made; sleep 100000"]


class Machine:
    """The one machine of the simulated cloud, from outside mngr."""

    def __init__(self, cloud: Simcloud) -> None:
        self._cloud = cloud
        mine = ["--filter", f"label=mngr.simcloud={cloud.run}", "--format", "{{.Names}}"]
        names = subprocess.run(["docker", "ps", *mine], capture_output=True, text=True, check=True).stdout
        [self._container] = [name for name in names.split() if not name.endswith("-keeper")]

    def run(self, line: str) -> str:
        argv = ["docker", "exec", self._container, "sh", "-c", line]
        return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False).stdout

    def pause_is_over(self) -> None:
        """As if the time until the next try had passed, and systemd's timer had gone off."""
        again_at = "cat /var/lib/mngr/guard/again_at"
        until(lambda: float(self.run(again_at) or 0) > time.time(), "it to say when it tries again")
        self.run("rm /var/lib/mngr/guard/again_at; systemctl start mngr-guard.service")

    def is_slow(self) -> None:
        """From its next boot on, its Docker is up a while after its sshd."""
        unit = "/etc/systemd/system/docker.service.d"
        self.run(
            f"mkdir -p {unit}; printf '[Service]\\nExecStartPre=/bin/sleep 8\\n' >{unit}/slow.conf; sync"
        )

    def guard_looks(self) -> None:
        """As its timer has it do every half minute."""
        self.run("systemctl start mngr-guard.service")

    def tries(self) -> list[int]:
        """What Azure answered to each order to deallocate: HTTP statuses."""
        calls = self._cloud.calls()
        return [call["status"] for call in calls if call["path"].endswith("/deallocate")]

    def state(self) -> str:
        [vm] = self._cloud.resources("virtualMachines")
        return vm["state"]


def end_all_of(home: Path) -> list[str]:
    """Ends the processes that mngr left (shared ssh connections); what they were."""
    mark, ended = f"MNGR_HOME={home}\0".encode(), []
    for one in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (one / "environ").read_bytes():
                ended.append((one / "comm").read_text().strip())
                os.kill(int(one.name), signal.SIGKILL)
        except (OSError, ValueError):
            continue
    return ended


def test_an_idle_machine_deallocates_itself_though_it_is_refused_and_comes_back(tmp_path: Path) -> None:
    with Simcloud("azure", "--speed", "20", "--registered") as cloud:
        cli = Cli(tmp_path / "home", cloud.ready["https_env"])
        cloud.ask("POST", "/behaviour", {"role_s": SPREADS_S})
        cli.run("azure", "prepare", "--allowed-ssh-cidr", "0.0.0.0/0")
        options = ["--provider", "azure", "--image", "mngr/agent:bookworm", "--no-code", "--yes"]
        cli.run("create", "box", *options, "--idle-timeout", str(TIMEOUT_S), "--", *AGENT)
        host, pins, machine = cli.host("box"), _pins(cli.home), Machine(cloud)

        assert set(end_all_of(cli.home)) <= {"ssh"}
        # Azure doesn't know the role yet; then it is busy; then it fails. After the first no, the machine is rebooted.
        until(lambda: machine.tries() == [403], "the first try", 60)
        cloud.fault("throttle", method="POST", path="**/deallocate", retry_after_s=1)
        restart = Arm(cloud)
        restart("POST", f"{_vm(cloud)}/restart", expect=202)
        until(lambda: machine.tries() == [403, 429], "the second try, by itself, after the reboot", 75)
        cloud.fault("error", method="POST", path="**/deallocate", status=500)
        machine.pause_is_over()
        assert machine.tries() == [403, 429, 500]
        assert machine.state() == "running"
        assert _open(cloud) == ["address", "disk", "virtualMachine"]
        cloud.advance(SPREADS_S)
        machine.is_slow()
        machine.pause_is_over()
        until(lambda: machine.state() == "deallocated", "it to be deallocated", 60)
        assert machine.tries() == [403, 429, 500, 202]
        assert end_all_of(cli.home) == []
        assert _open(cloud) == ["address", "disk"]

        until(lambda: cli.host("box")["state"] == "paused", "Azure's log to say who deallocated it", 60)
        down = cli.host("box")
        assert (down["state"], down["idle"]["stop_cause"]) == ("paused", "idle")
        assert (down["id"], down["address"], down["agents"]) == (host["id"], host["address"], ["box"])
        assert cli.agent("box")["state"] == "stopped"

        cli.run("start", "box")
        again = cli.host("box")
        assert (again["state"], again["address"], _pins(cli.home)) == ("running", host["address"], pins)
        assert cli.run("exec", "box", "cat made").stdout == "kept\n"
        machine.guard_looks()
        stays = _looks(lambda: machine.state(), TIMEOUT_S + 6)
        assert (stays, machine.tries()) == ({"running"}, [403, 429, 500, 202])

        cli.run("destroy", "--yes", "box")
        cli.run("azure", "cleanup", "--yes")
        assert [one["kind"] for one in cloud.resources()] == ["roleAssignments"], "the client's own, as Owner"
        assert _open(cloud) == []


def _vm(cloud: Simcloud) -> str:
    [vm] = cloud.resources("virtualMachines")
    return vm["id"]


def _open(cloud: Simcloud) -> list[str]:
    """What costs money from now on."""
    return sorted(line["kind"] for line in cloud.bill()["lines"] if line["open"])


def _pins(home: Path) -> dict[str, str]:
    """The host keys that are pinned, by file."""
    found = {path.name: path.read_text() for path in home.glob("profile/providers/azure/*/known_hosts/*")}
    assert found
    return found


def _looks(look: Callable[[], Any], seconds: float) -> set[Any]:
    """All that is seen in that time."""
    end, seen = time.monotonic() + seconds, set()
    while time.monotonic() < end:
        seen.add(look())
        time.sleep(1)
    return seen
