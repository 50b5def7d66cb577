"""QEMU's command line for a machine: q35, virtio, a kernel booted without firmware or loader, ports on loopback only."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from mngr.qemu.seed import LABEL

QEMU = "qemu-system-x86_64"
MACHINE, CPU = "q35", "max"
KERNEL_LINE = "root=/dev/vda rw console=ttyS0 quiet net.ifnames=0 mitigations=off random.trust_cpu=on"


@dataclass(frozen=True)
class Size:
    """What a machine has. Memory in MiB, disk in GiB."""

    cpus: int
    memory_mib: int
    disk_gib: int


USUAL = Size(2, 1024, 8)
"""Of a machine whose size wasn't told. Its disk's 8 GiB are those of the shared image, the least there is."""


@dataclass(frozen=True)
class Bootable:
    """What QEMU starts from. The disk is raw, and is never written to."""

    kernel: Path
    initrd: Path
    disk: Path


@dataclass(frozen=True)
class Hardware:
    """What a machine is made of. In `folder` are its disk (disk.qcow2), its seed and QEMU's logs.

    `address` is a loopback address of this computer, where each of `ports` leads to the machine's own.
    """

    name: str
    folder: Path
    system: Bootable
    address: str
    ports: tuple[int, ...]
    size: Size = USUAL
    accel: str = "tcg"
    """`kvm` or `tcg` (see kvm.py)."""

    @property
    def disk(self) -> Path:
        return self.folder / "disk.qcow2"

    @property
    def seed(self) -> Path:
        return self.folder / "seed"

    @property
    def log(self) -> Path:
        """QEMU's own words."""
        return self.folder / "qemu.log"


def arguments(hardware: Hardware, monitor: int, *kernel_words: str) -> list[str]:
    """The argv; `monitor` is the file descriptor of QEMU's end of a socket pair, `kernel_words` more of the kernel's line."""
    disk = {"driver": "qcow2", "node-name": "disk", "cache": {"no-flush": True}, "discard": "unmap"}
    disk["file"] = {"driver": "file", "filename": str(hardware.disk)}
    seed = {"driver": "vvfat", "node-name": "seed", "dir": str(hardware.seed), "label": LABEL}
    forwarded = "".join(f",hostfwd=tcp:{hardware.address}:{port}-:{port}" for port in hardware.ports)
    system, size = hardware.system, hardware.size
    return [
        *(QEMU, "-name", hardware.name, "-nodefaults", "-no-user-config", "-display", "none"),
        *("-machine", MACHINE, "-accel", hardware.accel, "-cpu", CPU),
        *("-smp", str(size.cpus), "-m", str(size.memory_mib)),
        *("-kernel", str(system.kernel), "-initrd", str(system.initrd)),
        *("-append", " ".join([KERNEL_LINE, *kernel_words])),
        *("-blockdev", json.dumps(disk), "-device", "virtio-blk-pci,drive=disk"),
        *("-blockdev", json.dumps({**seed, "read-only": True}), "-device", "virtio-blk-pci,drive=seed"),
        *("-netdev", f"user,id=net,ipv6=off{forwarded}", "-device", "virtio-net-pci,netdev=net,romfile="),
        *("-device", "virtio-rng-pci", "-serial", "chardev:console"),
        *("-chardev", f"file,id=console,path={_escaped(hardware.folder / 'console.log')}"),
        *("-chardev", f"socket,id=monitor,fd={monitor}", "-mon", "chardev=monitor,mode=control"),
    ]


def fitting(size: Size, cpus: int, memory_mib: int) -> Size:
    """A size on a computer with that much: no more processors than real ones, half of its memory."""
    return Size(
        min(size.cpus, cpus), min(size.memory_mib, memory_mib // 2), max(size.disk_gib, USUAL.disk_gib)
    )


def _escaped(path: Path) -> str:
    """In a list of options a comma is written twice."""
    return str(path).replace(",", ",,")
