"""Loop devices of container machines: the kernel's, which all machines and this computer share.

A container has no device nodes but a few. systemd's own tmpfiles make these at each boot, before user data runs.
"""

from __future__ import annotations

from pathlib import Path

from mngr.simcloud.docker import DockerError, docker
from mngr.simcloud.machines.docker_volumes import script

NODES = 64
"""The kernel gives out any that is free on this computer."""


def write_nodes(path: Path) -> list[str]:
    """Write what tmpfiles is to make to that path; what `docker run` is told, so that a machine has them."""
    made = ["c /dev/loop-control 0660 root disk - 10:237"]
    made += [f"b /dev/loop{number} 0660 root disk - 7:{number}" for number in range(NODES)]
    path.write_text("\n".join(made) + "\n")
    return ["--volume", f"{path}:/etc/tmpfiles.d/simcloud-loop.conf:ro"]


def detach(container: str, sys_block: Path = Path("/sys/block")) -> None:
    """Free the loop devices of a running machine before it goes off, as power-off would. May be repeated.

    Asks the machine only where this computer has any in use. A machine that isn't running has none to free.
    """
    if not any(sys_block.glob("loop*/loop/backing_file")):
        return
    try:
        docker("exec", container, "sh", "-c", script("detach-loops.sh").decode(), limit_s=20)
    except DockerError:
        return
