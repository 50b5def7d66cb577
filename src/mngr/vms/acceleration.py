"""Whether VMs here run on KVM or are emulated: a guest is tried, and the answer kept until the next boot."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import msgspec

from mngr.config.home import home, write_private
from mngr.qemu import kvm
from mngr.qemu.kvm import Probe
from mngr.vms import library
from mngr.vms.hypervisor import Hypervisor

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class _Kept(msgspec.Struct, frozen=True):
    """An answer, and what it was an answer for."""

    about: str
    accel: str
    reason: str


def choose(hypervisor: Hypervisor) -> Probe:
    """KVM if a guest really runs on it and libvirt offers it; else TCG, with the reason."""
    found = _kept_probe(home() / "cache" / "acceleration.json")
    if found.accel != "kvm":
        return found
    libvirt = hypervisor.libvirt
    try:
        hypervisor.conn.getDomainCapabilities(None, "x86_64", kvm.MACHINE, "kvm")
    except libvirt.libvirtError as error:
        return Probe(
            "tcg", f"KVM works, but libvirt offers none: {error.get_error_message() or library.code(error)}"
        )
    return found


def _kept_probe(file: Path) -> Probe:
    about = _about()
    try:
        kept = msgspec.json.decode(file.read_bytes(), type=_Kept)
        if kept.about == about and kept.accel in ("kvm", "tcg"):
            return Probe(kept.accel, kept.reason)
    except (OSError, ValueError):
        pass
    found = kvm.probe()
    try:
        write_private(file, msgspec.json.encode(_Kept(about, found.accel, found.reason)).decode())
    except OSError:
        pass  # then it is tried again
    return found


def _about() -> str:
    """What an answer holds for: this guest, boot, user and QEMU, and the device as it is now."""
    parts: list[object] = [kvm.BOOT_SECTOR.hex(), os.geteuid(), sorted(os.getgroups())]
    for path in (kvm.DEVICE, shutil.which(kvm.QEMU) or kvm.QEMU):
        try:
            facts = os.stat(path)
            parts.append((facts.st_mode, facts.st_uid, facts.st_gid, facts.st_ctime_ns))
        except OSError as problem:
            parts.append(problem.errno)
    try:
        parts.append(BOOT_ID.read_text().strip())
    except OSError:
        pass
    return repr(parts)
