"""Whether KVM runs guests here. /dev/kvm is often there without working, as in nested machines: QEMU aborts on a register
that it can't set, or the guest hangs in its firmware, or runs a thousand times slower than the machine. So a guest is run,
and has to compute something."""

from __future__ import annotations

import os
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache

from mngr.qemu.command import CPU, MACHINE, QEMU

DEVICE = "/dev/kvm"
LIMIT_S = 3.0
"""Emulated, the guest takes 0.2 s. A KVM that is of no use was seen to take 13 s for it, of which 2 s for the firmware alone."""
EXIT_PORT = 0xF4
ROUNDS = 20_000_000
COUNT_DOWN = b"\x66\xb9" + ROUNDS.to_bytes(4, "little") + b"\x66\x49\x75\xfc"
"""mov ecx, ROUNDS; again: dec ecx; jnz again."""
BOOT_SECTOR = COUNT_DOWN + bytes([0xB8, 0x10, 0x00, 0xBA, EXIT_PORT, 0x00, 0xEF, 0xF4])
"""…; mov ax, 0x10; mov dx, EXIT_PORT; out dx, ax; hlt."""
EXIT_CODE = 0x10 << 1 | 1
"""What QEMU's `isa-debug-exit` makes of that."""
DISK_SIZE = 1024**2


@dataclass(frozen=True)
class Probe:
    """`accel` is `kvm` or `tcg` (processors are emulated, some twenty times slower), `reason` why, in words."""

    accel: str
    reason: str


@cache
def probe() -> Probe:
    """What guests run with here. Tried once a process; where KVM hangs, that takes LIMIT_S."""
    if not os.path.exists(DEVICE):
        return Probe("tcg", f"there is no {DEVICE}")
    if not os.access(DEVICE, os.R_OK | os.W_OK):
        return Probe("tcg", f"{DEVICE} may not be opened by this user")
    problem = trouble("kvm")
    return (
        Probe("tcg", f"KVM runs no guest here: {problem}") if problem else Probe("kvm", "a guest was tried")
    )


def works() -> bool:
    """Whether KVM runs guests."""
    return probe().accel == "kvm"


def accelerator() -> str:
    """`kvm` where it works, else `tcg`."""
    return probe().accel


def guest_runs(accel: str, limit_s: float = LIMIT_S) -> bool:
    """Whether a guest gets through its firmware and runs a boot sector within that time."""
    return not trouble(accel, limit_s)


def trouble(accel: str, limit_s: float = LIMIT_S) -> str:
    """Why a guest doesn't get through its firmware and a boot sector within that time; empty if it does."""
    with tempfile.NamedTemporaryFile(prefix="mngr-kvm-probe-") as disk:
        disk.write(BOOT_SECTOR.ljust(510, b"\0") + b"\x55\xaa")
        disk.truncate(DISK_SIZE)
        disk.flush()
        argv = [
            *(QEMU, "-nodefaults", "-no-user-config", "-display", "none", "-m", "32"),
            *("-machine", MACHINE, "-accel", accel, "-cpu", CPU),
            *("-drive", f"file={disk.name},format=raw,if=none,id=disk,readonly=on"),
            *("-device", "virtio-blk-pci,drive=disk"),
            *("-device", f"isa-debug-exit,iobase={EXIT_PORT:#x},iosize=0x04"),
        ]
        try:
            done = subprocess.run(
                argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=limit_s, check=False
            )
        except subprocess.TimeoutExpired:
            return f"one that computes for a moment wasn't through after {limit_s:g} s"
        except OSError as problem:
            return f"{QEMU}: {problem.strerror}"
    if done.returncode == EXIT_CODE:
        return ""
    said = done.stderr.decode(errors="replace").strip().splitlines()
    return said[-1] if said else f"QEMU ended with {done.returncode}"
