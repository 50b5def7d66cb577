"""A plan's CPUs and memory as a container machine's limits.

The kernel's own limits hold; what `nproc` and `free` show follows from them, as far as a container can be told.
"""

from __future__ import annotations

import itertools
from pathlib import Path

from mngr.qemu.command import Size
from mngr.simcloud.docker import DockerError, docker

MIB = 1024**2


class Limits:
    """Divides the CPUs of the local Docker daemon's computer among machines, in turn."""

    def __init__(self) -> None:
        cpus, memory = docker("info", "--format", "{{.NCPU}} {{.MemTotal}}").split()
        self._cpus, self._memory_mib = int(cpus), int(memory) // MIB
        self._next = itertools.count()
        self._to_narrow: dict[str, str] = {}

    def arguments(self, container: str, size: Size, folder: Path) -> list[str]:
        """Of `docker run`; nothing for what the plan has more of than this computer. Writes into the folder."""
        if size.cpus < self._cpus:
            first = next(self._next)
            mine = sorted((first + number) % self._cpus for number in range(size.cpus))
            self._to_narrow[container] = ",".join(map(str, mine))
        if size.memory_mib >= self._memory_mib:
            return []
        shown = folder / "meminfo"
        shown.write_text(meminfo(size.memory_mib))
        shown.chmod(0o644)
        return ["--memory", f"{size.memory_mib}m", "--volume", f"{shown}:/proc/meminfo:ro"]

    def booted(self, container: str) -> None:
        """From now on it has its plan's CPUs; its first boot has all, to be no slower. May be repeated."""
        cpus = self._to_narrow.pop(container, None)
        if cpus is None:
            return
        try:
            docker("update", "--cpuset-cpus", cpus, container)
        except DockerError:  # deleted meanwhile
            return


def meminfo(memory_mib: int) -> str:
    """/proc/meminfo of a computer with that much memory and nothing in it: it doesn't change."""
    total = memory_mib * 1024
    lines = {"MemTotal": total, "MemFree": total, "MemAvailable": total}
    lines |= dict.fromkeys(
        ("Buffers", "Cached", "SwapCached", "Active", "Inactive", "SwapTotal", "SwapFree"), 0
    )
    lines |= dict.fromkeys(("Dirty", "Shmem", "Slab", "SReclaimable", "SUnreclaim"), 0)
    return "".join(f"{name + ':':<16}{kib:>8} kB\n" for name, kib in lines.items())
