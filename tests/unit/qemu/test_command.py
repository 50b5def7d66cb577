"""What QEMU is told."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from mngr.qemu.command import Bootable, Hardware, Size, arguments, fitting

SYSTEM = Bootable(Path("/cache/vmlinuz"), Path("/cache/initrd"), Path("/cache/disk.raw"))
HARDWARE = Hardware("mngr-sim-1", Path("/run/a,b"), SYSTEM, "127.20.0.6", (22, 2222))


def values(argv: list[str], option: str) -> list[str]:
    return [value for name, value in pairwise(argv) if name == option]


def test_it_listens_on_the_machines_own_loopback_address_only() -> None:
    argv = arguments(HARDWARE, 7)
    assert values(argv, "-netdev") == [
        "user,id=net,ipv6=off,hostfwd=tcp:127.20.0.6:22-:22,hostfwd=tcp:127.20.0.6:2222-:2222"
    ]
    assert values(argv, "-display") == ["none"]
    assert "socket,id=monitor,fd=7" in values(argv, "-chardev")
    assert not {"-vnc", "-monitor", "-qmp", "-gdb", "-s"} & set(argv)


def test_it_is_emulated_unless_kvm_is_asked_for() -> None:
    assert values(arguments(HARDWARE, 7), "-accel") == ["tcg"]
    assert values(arguments(replace(HARDWARE, accel="kvm"), 7), "-accel") == ["kvm"]


def test_it_boots_the_kernel_itself() -> None:
    argv = arguments(HARDWARE, 7)
    assert (values(argv, "-kernel"), values(argv, "-initrd")) == (["/cache/vmlinuz"], ["/cache/initrd"])
    assert "simcloud.fault" not in values(argv, "-append")[0]
    assert values(arguments(HARDWARE, 7, "simcloud.fault=docker"), "-append")[0].endswith(
        " simcloud.fault=docker"
    )


def test_it_has_its_plans_processors_and_memory_as_far_as_this_computer_has_them() -> None:
    plan = Size(cpus=8, memory_mib=32768, disk_gib=640)
    assert fitting(plan, cpus=16, memory_mib=131072) == plan
    assert fitting(plan, cpus=2, memory_mib=24576) == Size(2, 12288, 640)
    argv = arguments(replace(HARDWARE, size=Size(1, 2048, 55)), 7)
    assert (values(argv, "-smp"), values(argv, "-m")) == (["1"], ["2048"])


def test_its_disk_is_no_smaller_than_the_image() -> None:
    assert fitting(Size(1, 512, 5), 2, 4096).disk_gib == 8


def test_its_seed_is_a_disk_that_is_only_read() -> None:
    disk, seed = (json.loads(value) for value in values(arguments(HARDWARE, 7), "-blockdev"))
    assert (disk["driver"], disk["file"]["filename"]) == ("qcow2", "/run/a,b/disk.qcow2")
    assert (seed["dir"], seed["label"], seed["read-only"]) == ("/run/a,b/seed", "CIDATA", True)


def test_a_comma_in_a_path_is_no_separator() -> None:
    argv = arguments(HARDWARE, 7)
    assert "file,id=console,path=/run/a,,b/console.log" in values(argv, "-chardev")
