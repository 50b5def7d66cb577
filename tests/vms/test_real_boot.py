"""A VM that really boots: with its name, its key and its whole disk; it is shut down, started again, and removed."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mngr.qemu.command import Bootable
from mngr.testing.libvirtd import Libvirtd
from support.vms import BOOT_LIMIT_S, Place, place_at

#: Of a kind that could be in the way of the vendor's own part: a MIME archive whose boothook has the same name.
USER_DATA = """\
Content-Type: multipart/mixed; boundary="=="
MIME-Version: 1.0

--==
Content-Type: text/cloud-config

runcmd: [[touch, /root/from-user-data]]
--==
Content-Type: text/cloud-boothook
Content-Disposition: attachment; filename="mngr"

#cloud-boothook
#!/bin/sh
echo boot >>/root/boots
--==--
"""
AGENT = "sudo modprobe virtio_console && sudo systemd-run --unit=agent qemu-ga --path=/dev/vport1p1"
AGENT_LIMIT_S = 60


@dataclass
class Booted:
    place: Place
    options: list[str]
    answer: dict[str, Any]
    key: Path

    def run(self, *argv: str, key: Path | None = None) -> str:
        """As the VM's user, over SSH."""
        done = self.ssh(*argv, key=key)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def is_let_in(self, key: Path) -> bool:
        done = self.ssh("true", key=key)
        assert done.returncode == 0 or "Permission denied" in done.stderr, done.stderr
        return done.returncode == 0

    def ssh(self, *argv: str, key: Path | None = None) -> subprocess.CompletedProcess[str]:
        vm = self.place.told("show", "debian")["vm"]
        known = self.place.folder.parent / "known_hosts"
        options = [
            f"UserKnownHostsFile={known}",
            "StrictHostKeyChecking=accept-new",
            "BatchMode=yes",
            "ConnectTimeout=60",
        ]
        flags = [word for option in options for word in ("-o", option)]
        words = ["-o", "IdentitiesOnly=yes", "-i", str(key or self.key), "-p", str(vm["ssh_port"])]
        return subprocess.run(
            ["ssh", "-F", "none", *flags, *words, f"dev@{vm['ip']}", *argv],
            capture_output=True, text=True, timeout=180, check=False,
        )  # fmt: skip


@pytest.fixture(scope="session")
def booted(
    libvirtd: Libvirtd, debian: Bootable, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Booted]:
    """One for all tests here; the last of them removes it."""
    folder = tmp_path_factory.mktemp("booted")
    place, key = place_at(libvirtd.uri, folder), folder / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    user_data = folder / "user-data"
    user_data.write_text(USER_DATA)
    options = [
        *("--image", str(debian.disk), "--kernel", str(debian.kernel), "--initrd", str(debian.initrd)),
        *("--memory", "512", "--disk", "9", "--network", "user", "--user", "dev", "--key", f"{key}.pub"),
        *("--user-data", str(user_data), "--timeout", str(BOOT_LIMIT_S)),
    ]
    place.env["SSH_KEY_DIR"] = str(folder / "keys")
    for name in ("a", "b"):
        place.mngr("key", "create", name, "--type", "ed25519")
    return Booted(place, options, place.told("create", "debian", *options), key)


def test_create_answers_once_ssh_does_and_says_where(booted: Booted) -> None:
    vm = booted.answer["vm"]
    assert booted.answer["made"] is True
    assert (vm["name"], vm["state"], vm["memory"], vm["vcpus"]) == ("debian", "running", 512, 2)
    assert (vm["ip"], vm["address_from"], vm["no_address"]) == ("127.0.0.1", "forward", "")
    assert booted.run("hostname") == "debian"


def test_the_guest_has_what_was_asked_for(booted: Booted) -> None:
    said = booted.run(
        "cloud-init status --wait >/dev/null; sudo ls /root; cat /sys/block/vda/size /var/lib/cloud/data/instance-id"
    )
    assert said.split() == ["boots", "from-user-data", str(9 * 1024**3 // 512), booted.answer["vm"]["uuid"]]


def test_sshd_begins_once_the_seeds_keys_are_in_and_has_one_key_of_its_own(booted: Booted) -> None:
    """cloud-init's stages have one process, which has come to its end without a failure."""
    when = "systemctl show --value -p ExecMainExitTimestampMonotonic cloud-init && systemctl show --value -p ExecMainStartTimestampMonotonic ssh"
    applied, listening = map(int, booted.run(when).split())
    assert 0 < applied < listening
    assert booted.run("ls /etc/ssh | grep _key$") == "ssh_host_ed25519_key"
    assert booted.run("systemctl show --value -p Result -p SubState cloud-init-stages").split() == [
        "success",
        "dead",
    ]
    assert booted.run("systemctl --failed --quiet --plain") == ""


def test_the_same_create_is_the_same_vm_and_another_a_conflict(booted: Booted) -> None:
    again = booted.place.told("create", "debian", *booted.options)
    assert again == {"vm": booted.answer["vm"], "made": False}
    other = booted.place.mngr("create", "debian", *booted.options, "--memory", "1024", code=4)
    assert "memory_mib is 512, not 1024" in other.stderr


def test_a_key_is_let_in_at_once_where_an_agent_answers(booted: Booted) -> None:
    """And without one at the next boot."""
    key, other = (Path(booted.place.env["SSH_KEY_DIR"], name) for name in ("a", "b"))
    later = booted.place.told("key", "inject", "debian", "a")
    assert (later["status"], later["applied"], later["user"]) == ("injected", "next boot", None)
    assert "agent" in later["reason"]
    booted.run(AGENT)
    end = time.monotonic() + AGENT_LIMIT_S
    while (now := booted.place.told("key", "inject", "debian", "b"))["applied"] != "now":
        assert time.monotonic() < end, now
        time.sleep(0.5)
    assert now["reason"] is None
    assert (booted.is_let_in(booted.key), booted.is_let_in(other), booted.is_let_in(key)) == (
        True,
        True,
        False,
    )
    assert booted.place.told("key", "eject", "debian", "b")["applied"] == "now"
    assert not booted.is_let_in(other)
    booted.run("sudo systemctl stop agent")
    assert (
        booted.place.told("key", "inject", "debian", "b", "--user", "nobody-there")["applied"] == "next boot"
    )
    assert booted.place.mngr("key", "injected", "debian", "-q").stdout.split() == ["a", "b"]


def test_stop_waits_for_the_guest_and_start_brings_it_back(booted: Booted) -> None:
    """Its host keys are those of before: cloud-init has seen the same instance. (`run` would refuse others.)"""
    booted.run("sudo touch /kept && sync")
    stopped = booted.place.told("stop", "debian", "--timeout", "200")
    assert (stopped["status"], stopped["vm"]["state"]) == ("stopped", "stopped")
    assert (stopped["vm"]["ip"], stopped["vm"]["no_address"]) == ("", "it is stopped")
    booted.place.told("start", "debian", "--timeout", str(BOOT_LIMIT_S))
    assert booted.run("ls /kept") == "/kept"


def test_a_boot_lets_in_keys_that_were_injected_before_it(booted: Booted) -> None:
    """cloud-init ran nothing else again, and the user data's own boothook ran at both boots."""
    key = Path(booted.place.env["SSH_KEY_DIR"], "a")
    assert booted.is_let_in(key)
    assert booted.run("sudo cat /root/boots", key=key).split() == ["boot", "boot"]
    state = json.loads(booted.run("cat /var/lib/mngr/keys.json", key=key))
    # a is in, b out again, and a user isn't there
    assert (len(state["done"]), len(state["left"])) == (2, 1)
    assert booted.place.told("key", "eject", "debian", "a")["applied"] == "next boot"


def test_delete_removes_it_while_it_runs_and_leaves_its_image(booted: Booted, debian: Bootable) -> None:
    assert booted.place.told("delete", "debian", "--yes") == {"vm": "debian", "status": "deleted"}
    assert (booted.place.names(), booted.place.files()) == ([], [])
    assert debian.disk.exists()
    assert "no VM 'debian'" in booted.place.mngr("delete", "debian", "--yes", code=3).stderr
