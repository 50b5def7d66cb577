"""Disks on top of a shared image: what a machine writes is in a file of its own, and the image stays as it is."""

from __future__ import annotations

import subprocess
from pathlib import Path

LIMIT_S = 300.0


class QemuError(Exception):
    """QEMU or one of its programs didn't start, or didn't do what it was asked; the message has its own words."""


def create(disk: Path, image: Path, size_gib: int, image_format: str = "raw") -> None:
    """Make a qcow2 overlay of an image, no smaller than that. Raises QemuError."""
    _qemu_img("create", "-f", "qcow2", "-F", image_format, "-b", str(image), str(disk), f"{size_gib}G")


def resize(disk: Path, size_gib: int) -> None:
    """Make a disk larger. Raises QemuError."""
    _qemu_img("resize", str(disk), f"{size_gib}G")


def _qemu_img(verb: str, *argv: str) -> None:
    try:
        done = subprocess.run(
            ["qemu-img", verb, "-q", *argv], capture_output=True, text=True, timeout=LIMIT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise QemuError(f"qemu-img {verb}: {problem}")
    if done.returncode:
        raise QemuError(f"qemu-img {verb}: {done.stderr.strip()}")
