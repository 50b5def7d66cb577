"""Machines that are really there: they boot, take SSH, reboot, are copied, and go."""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.simcloud import Simcloud, until

pytestmark = pytest.mark.docker

Order = Callable[..., dict[str, Any]]


class Ssh:
    """Pinned SSH to a machine as root: the host key is the one its user data brought, or there is no connection."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("host", "user"):
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", folder / name], check=True
            )

    def user_data(self, **more: Any) -> str:
        """Base64, with both keys."""
        private, public = (self.folder / "host").read_text(), (self.folder / "host.pub").read_text().strip()
        config = {
            "ssh_deletekeys": True,
            "ssh_keys": {"ed25519_private": private, "ed25519_public": public},
            "ssh_authorized_keys": [(self.folder / "user.pub").read_text().strip()],
            **more,
        }
        return base64.b64encode(b"#cloud-config\n" + json.dumps(config).encode()).decode()

    def run(self, address: str, *argv: str) -> subprocess.CompletedProcess[str]:
        pins = self.folder / "known_hosts"
        pins.write_text(f"{address} {(self.folder / 'host.pub').read_text()}")
        options = [
            f"UserKnownHostsFile={pins}",
            "StrictHostKeyChecking=yes",
            "BatchMode=yes",
            "ConnectTimeout=5",
        ]
        flags = [word for option in options for word in ("-o", option)]
        command = ["ssh", "-F", "none", "-i", str(self.folder / "user"), *flags, f"root@{address}", *argv]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    def until(self, address: str, *argv: str) -> str:
        """Repeat a command until it succeeds; its output."""
        done = until(lambda: (done := self.run(address, *argv)).returncode == 0 and done, f"{argv}", 40)
        return done.stdout.strip()


@pytest.fixture
def ssh(tmp_path: Path) -> Ssh:
    return Ssh(tmp_path)


def made_by(cloud: Simcloud) -> list[str]:
    """Every container, volume and image that carries the run's label."""
    found = []
    for argv in (["ps", "-aq"], ["volume", "ls", "-q"], ["images", "-aq"]):
        command = ["docker", *argv, "--filter", f"label=mngr.simcloud={cloud.run}"]
        found += subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return found


def test_a_machine_boots_reboots_powers_off_and_ends(real_cloud: Simcloud, order: Order, ssh: Ssh) -> None:
    instance = order(image_id="docker", hostname="one", user_data=ssh.user_data(runcmd=["touch /root/ready"]))
    address, path = instance["main_ip"], f"/instances/{instance['id']}"

    ssh.until(address, "test -e /root/ready")
    assert ssh.run(address, "systemctl is-system-running --wait; hostname").stdout.split() == [
        "running",
        "one",
    ]
    images = ssh.run(address, "docker", "images", "--format", "{{.Repository}}:{{.Tag}}").stdout.split()
    assert images == ["mngr/agent:bookworm", "debian:bookworm-slim"]
    inner = "docker run -d --name inner --restart unless-stopped -p 2222:22 --memory 64m mngr/agent:bookworm"
    assert (
        ssh.run(
            address, f"{inner} sh -c 'ssh-keygen -A; mkdir -p /run/sshd; exec /usr/sbin/sshd -D'"
        ).returncode
        == 0
    )
    until(lambda: banner(address, 2222), "the container's sshd")

    boot = ssh.run(address, "cat /proc/1/stat").stdout.split()[21]
    ssh.run(address, "systemctl reboot")
    until(
        lambda: ssh.run(address, "cat /proc/1/stat").stdout.split()[21:22] not in ([], [boot]), "a new boot"
    )
    until(lambda: banner(address, 2222), "the container to come back by itself")

    ssh.run(address, "poweroff")
    until(lambda: real_cloud.api("GET", path)[1]["instance"]["power_status"] == "stopped", "power off")
    assert real_cloud.bill()["open"] >= 1
    real_cloud.api("POST", f"{path}/start")
    ssh.until(address, "true")

    real_cloud.api("DELETE", path)
    real_cloud.settle()
    assert not banner(address, 22)


def test_a_stock_machine_installs_docker_itself(real_cloud: Simcloud, order: Order, ssh: Ssh) -> None:
    install = (
        "apt-get update -qq && apt-get install -y -qq --no-install-recommends docker.io && touch /root/ready"
    )
    instance = order(user_data=ssh.user_data(runcmd=[install]))
    ssh.until(instance["main_ip"], "test -e /root/ready")
    done = ssh.run(instance["main_ip"], "docker run --rm debian:bookworm-slim cat /etc/debian_version")
    assert done.stdout.startswith("12"), done.stderr
    real_cloud.api("DELETE", f"/instances/{instance['id']}")


def test_a_snapshot_holds_both_disks(real_cloud: Simcloud, order: Order, ssh: Ssh) -> None:
    first = order(image_id="docker", user_data=ssh.user_data())
    ssh.until(first["main_ip"], "docker version")
    assert ssh.run(first["main_ip"], "echo kept > /root/file && docker volume create kept").returncode == 0
    _, answer = real_cloud.api("POST", "/snapshots", {"instance_id": first["id"]})
    path = f"/snapshots/{answer['snapshot']['id']}"
    until(lambda: real_cloud.api("GET", path)[1]["snapshot"]["status"] == "complete", "the snapshot")
    assert real_cloud.api("GET", path)[1]["snapshot"]["size"] > 2**28

    second = order(snapshot_id=answer["snapshot"]["id"], user_data=ssh.user_data())
    assert ssh.until(second["main_ip"], "docker volume ls -q && cat /root/file") == "kept\nkept"
    for id in (first["id"], second["id"]):
        real_cloud.api("DELETE", f"/instances/{id}")
    assert real_cloud.api("DELETE", path)[0] == 204


def test_a_machine_mounts_a_file_by_a_loop_device(real_cloud: Simcloud, order: Order, ssh: Ssh) -> None:
    """What is attached goes with the machine: the devices are this computer's."""
    instance = order(image_id="docker", user_data=ssh.user_data())
    ssh.until(instance["main_ip"], "true")
    make = (
        "truncate -s 16M /root/disk.img && mkfs.ext4 -q /root/disk.img && mount -o loop /root/disk.img /mnt"
    )
    show = 'truncate -s 1M "/root/a b" && losetup --find --show "/root/a b" && findmnt -no SOURCE /mnt'
    done = ssh.run(instance["main_ip"], f"{make} && {show}")
    assert done.returncode == 0, done.stderr
    attached, mounted = done.stdout.split()
    assert {Path(name).parent for name in (attached, mounted)} == {Path("/dev")}
    real_cloud.api("DELETE", f"/instances/{instance['id']}")
    real_cloud.settle()
    used = {path.parts[3] for path in Path("/sys/block").glob("loop*/loop/backing_file")}
    assert not used & {Path(attached).name, Path(mounted).name}


def test_a_machine_has_its_plans_cpus_and_memory(real_cloud: Simcloud, order: Order, ssh: Ssh) -> None:
    instance = order(plan="vc2-1c-2gb", image_id="docker", user_data=ssh.user_data())
    ssh.until(instance["main_ip"], "docker version")
    done = ssh.run(instance["main_ip"], "nproc; free --mebi | awk '/Mem/ { print $2 }'")
    assert done.stdout.split() == ["1", "2048"], done.stderr
    told = ssh.run(instance["main_ip"], "docker info --format '{{.NCPU}} {{.MemTotal}}'").stdout.split()
    assert told == ["1", str(2 * 1024**3)]
    named = ["docker", "ps", "--quiet", "--filter", f"name={instance['id']}"]
    [container] = subprocess.run(named, capture_output=True, text=True, check=True).stdout.split()
    held = ["docker", "inspect", "--format", "{{.HostConfig.Memory}}", container]
    said = subprocess.run(held, capture_output=True, text=True, check=True).stdout
    assert int(said) == 2 * 1024**3
    real_cloud.api("DELETE", f"/instances/{instance['id']}")


def test_a_machine_can_have_another_host_key(real_cloud: Simcloud, order: Order, ssh: Ssh) -> None:
    real_cloud.fault("refuse_key", method="POST", path="/instances")
    instance = order(user_data=ssh.user_data())
    assert "Host key verification failed" in ssh.run(instance["main_ip"], "true").stderr
    real_cloud.api("DELETE", f"/instances/{instance['id']}")


def test_cloud_init_can_fail(real_cloud: Simcloud, order: Order, ssh: Ssh) -> None:
    real_cloud.fault("cloud_init_fail", method="POST", path="/instances")
    script = "apt-get update -qq -o Acquire::Retries=0 && apt-get install -qq docker.io || touch /root/failed"
    instance = order(user_data=ssh.user_data(runcmd=[script]))
    ssh.until(instance["main_ip"], "test -e /root/failed")
    real_cloud.api("DELETE", f"/instances/{instance['id']}")


def test_nothing_is_left_after_sigterm(ssh: Ssh) -> None:
    run = f"left-{os.getpid()}"
    with Simcloud("vultr", "--machines", "container", run=run) as cloud:
        for _ in range(2):
            cloud.api("POST", "/instances", {"region": "ewr", "plan": "vc2-1c-1gb", "os_id": 2136})
        until(lambda: len(made_by(cloud)) >= 4, "machines to be there")
    assert cloud.process.returncode == 0
    assert made_by(cloud) == []


def test_clean_removes_what_a_killed_cloud_left() -> None:
    run = f"killed-{os.getpid()}"
    cloud = Simcloud("vultr", "--machines", "container", run=run)
    cloud.api("POST", "/instances", {"region": "ewr", "plan": "vc2-1c-1gb", "os_id": 2136})
    cloud.settle()
    cloud.process.kill()
    cloud.stop()
    assert len(made_by(cloud)) == 3
    subprocess.run([sys.executable, "-m", "mngr.simcloud", "clean"], check=True, timeout=60)
    assert made_by(cloud) == []


def banner(address: str, port: int) -> bool:
    try:
        with socket.create_connection((address, port), 2) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False
