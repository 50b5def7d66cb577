"""Disks on top of a shared image: what a machine writes is in a file of its own, and the image stays as it is."""

from __future__ import annotations

from pathlib import Path

from mngr.qemu.img import QemuError, run

__all__ = ["QemuError", "create", "resize"]


def create(disk: Path, image: Path, size_gib: int, image_format: str = "raw") -> None:
    """Make a qcow2 overlay of an image, no smaller than that. Raises QemuError."""
    run("create", "-q", "-f", "qcow2", "-F", image_format, "-b", str(image), str(disk), f"{size_gib}G")


def resize(disk: Path, size_gib: int) -> None:
    """Make a disk larger. Raises QemuError."""
    run("resize", "-q", str(disk), f"{size_gib}G")
