"""A virtual machine through the API: it boots with the key it was given, goes off and on, and ends with its cloud."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from support.simcloud import Simcloud, until

BOOT_LIMIT_S = 300.0
"""An emulated boot takes 20 s on two idle processors."""


@dataclass
class Machine:
    cloud: Simcloud
    folder: Path
    id: str = ""
    address: str = ""

    def order(self) -> None:
        """With a host key and a user key of ours; returns when it has an address."""
        for name in ("host", "user"):
            make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", self.folder / name]
            subprocess.run(make, check=True)
        body = {"region": "ewr", "plan": "vc2-1c-1gb", "image_id": "docker", "hostname": "one"}
        status, answer = self.cloud.api("POST", "/instances", {**body, "user_data": self._user_data()})
        assert status == 202, answer
        self.id = answer["instance"]["id"]
        until(lambda: self.instance()["status"] == "active", "an active instance", BOOT_LIMIT_S)
        self.address = self.instance()["main_ip"]
        (self.folder / "known_hosts").write_text(f"{self.address} {(self.folder / 'host.pub').read_text()}")

    def instance(self) -> dict[str, Any]:
        return self.cloud.api("GET", f"/instances/{self.id}")[1]["instance"]

    def ask(self, verb: str) -> None:
        assert self.cloud.api("POST", f"/instances/{self.id}/{verb}")[0] == 204

    def run(self, *argv: str) -> subprocess.CompletedProcess[str]:
        """Over SSH with the host key pinned."""
        options = [f"UserKnownHostsFile={self.folder / 'known_hosts'}", "StrictHostKeyChecking=yes"]
        options += ["BatchMode=yes", "ConnectTimeout=30"]
        flags = [word for option in options for word in ("-o", option)]
        login = ["-i", str(self.folder / "user"), f"root@{self.address}"]
        return subprocess.run(
            ["ssh", "-F", "none", *flags, *login, *argv],
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )

    def until_up(self) -> None:
        until(lambda: self.run("true").returncode == 0, "SSH", BOOT_LIMIT_S)

    def _user_data(self) -> str:
        config = {
            "ssh_deletekeys": True,
            "ssh_keys": {
                "ed25519_private": (self.folder / "host").read_text(),
                "ed25519_public": (self.folder / "host.pub").read_text().strip(),
            },
            "ssh_authorized_keys": [(self.folder / "user.pub").read_text().strip()],
            "runcmd": ["touch /root/ready"],
        }
        return base64.b64encode(b"#cloud-config\n" + json.dumps(config).encode()).decode()


@pytest.fixture(scope="module")
def machine(cloud: Simcloud, tmp_path_factory: pytest.TempPathFactory) -> Machine:
    made = Machine(cloud, tmp_path_factory.mktemp("keys"))
    began = time.monotonic()
    made.order()
    made.until_up()
    print(f"pinned SSH after {time.monotonic() - began:.0f} s")
    return made


def test_it_is_a_whole_system(machine: Machine) -> None:
    done = machine.run("hostname; cat /proc/1/comm; findmnt -n -o SOURCE /; uname -r")
    host, first, root, kernel = done.stdout.split()
    assert (host, first, root) == ("one", "systemd", "/dev/vda")
    assert kernel.endswith("-cloud-amd64")
    [resource] = machine.cloud.resources("instance")
    assert (resource["id"], resource["address"]) == (machine.id, machine.address)


def test_user_data_runs_and_docker_has_its_images(machine: Machine) -> None:
    until(lambda: machine.run("test -e /root/ready").returncode == 0, "the user data", BOOT_LIMIT_S)
    images = machine.run("docker images --format '{{.Repository}}:{{.Tag}}'").stdout.split()
    assert images == ["mngr/agent:bookworm", "debian:bookworm-slim"]


def test_it_has_its_plans_size(machine: Machine) -> None:
    done = machine.run("nproc; free --mebi | awk '/Mem/ { print $2 }'; lsblk -dnbo SIZE /dev/vda")
    processors, mebibytes, disk = (int(word) for word in done.stdout.split())
    assert (processors, disk) == (1, 25 * 1024**3)
    assert 900 < mebibytes < 1024
    grown = "df --output=size -BG / | grep -q 25G || df --output=size -BG / | grep -q 24G"
    until(lambda: machine.run(grown).returncode == 0, "the file system to have the disk", BOOT_LIMIT_S)


def test_power_from_outside_and_from_inside(machine: Machine) -> None:
    assert machine.run("touch /root/kept && sync").returncode == 0
    machine.ask("halt")
    machine.cloud.settle(90)
    assert machine.instance()["power_status"] == "stopped"
    assert processes(machine) == []
    machine.ask("start")
    machine.until_up()
    assert machine.run("test -e /root/kept").returncode == 0
    machine.run("systemctl poweroff")
    until(lambda: machine.instance()["power_status"] == "stopped", "power off", 120)


def test_a_deleted_one_is_gone(machine: Machine) -> None:
    machine.ask("start")
    machine.cloud.settle(BOOT_LIMIT_S)
    [pid] = processes(machine)
    assert machine.cloud.api("DELETE", f"/instances/{machine.id}")[0] == 204
    until(lambda: not processes(machine), f"QEMU, process {pid}, to end")


def test_none_outlives_a_killed_cloud(qemu: None, tmp_path: Path) -> None:
    cloud = Simcloud("vultr", "--machines", "qemu")
    machine = Machine(cloud, tmp_path)
    machine.order()
    assert len(processes(machine)) == 1
    cloud.process.kill()
    cloud.stop()
    until(lambda: not processes(machine), "QEMU to end", 10)
    subprocess.run([sys.executable, "-m", "mngr.simcloud", "clean"], check=True, timeout=60)
    assert list(Path(tempfile.gettempdir()).glob(f"mngr-simcloud-*/process-*/machines/{machine.id}")) == []


def processes(machine: Machine) -> list[int]:
    """The machine's QEMU, by its id on the command line."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if b"qemu-system" in words and machine.id.encode() in words:
            found.append(int(folder.name))
    return found
