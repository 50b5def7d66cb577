"""Control groups that the containers inside removed machines leave in the host's tree.

A machine shares the host's cgroup tree, so its Docker daemon makes groups beside the machine's own, and can't
remove them once it is killed.
"""

from __future__ import annotations

import re
import time
from pathlib import Path

from mngr.simcloud.docker import lines

ROOT = Path("/sys/fs/cgroup")
AGE_S = 60.0
"""Younger ones may be of a container that is just starting somewhere."""


def remove_empty() -> int:
    """Remove groups of Docker containers that are no container of the local daemon and hold no process; how many."""
    known = set(lines("ps", "--all", "--quiet", "--no-trunc"))
    parents = [ROOT / "docker", *ROOT.glob("*/docker")]
    removed = 0
    for group in (group for parent in parents if parent.is_dir() for group in parent.iterdir()):
        if re.fullmatch(r"[0-9a-f]{64}", group.name) and group.name not in known:
            removed += _remove(group)
    return removed


def _remove(group: Path) -> bool:
    """The kernel refuses to remove a group with a process in it."""
    try:
        if time.time() - group.stat().st_mtime < AGE_S:
            return False
        folders = [path for path in group.rglob("*") if path.is_dir()]
        for folder in sorted(folders, key=lambda path: len(path.parts), reverse=True):
            folder.rmdir()
        group.rmdir()
    except OSError:
        return False
    return True
