"""qemu-img: what an image is, and file systems as images. https://www.qemu.org/docs/master/tools/qemu-img.html"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

LIMIT_S = 300.0


class QemuError(Exception):
    """QEMU or one of its programs didn't start, or didn't do what it was asked; the message has its own words."""


@dataclass(frozen=True)
class Info:
    """What an image says of itself. `format` is qemu's word (raw, qcow2), `size` what a machine sees, in bytes. `outside`:
    other files that it is made of, which are read when it is."""

    format: str
    size: int
    outside: tuple[str, ...] = ()


def info(image: Path) -> Info:
    """Reads an image's head, and no file that it points to. Raises QemuError."""
    told = json.loads(run("info", "--output=json", f"file:{image}"))
    extra = (told.get("format-specific") or {}).get("data") or {}
    outside = (told.get("backing-filename"), extra.get("data-file"))
    outside += tuple(one.get("filename") for one in extra.get("extents", ()))
    return Info(told["format"], told["virtual-size"], tuple(one for one in outside if one))


def fat(image: Path, folder: Path, label: str) -> None:
    """Make a raw image, 2.8 MiB, of a FAT file system with a folder's files and that label. Raises QemuError."""
    source = {"driver": "vvfat", "dir": str(folder), "label": label, "floppy": True}
    run("convert", "-q", "-O", "raw", f"json:{json.dumps(source)}", f"file:{image}")


def run(verb: str, *argv: str) -> str:
    """`qemu-img VERB ARGV…`; what it printed. Raises QemuError."""
    try:
        done = subprocess.run(
            ["qemu-img", verb, *argv], capture_output=True, text=True, timeout=LIMIT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise QemuError(f"qemu-img {verb}: {problem}")
    if done.returncode:
        raise QemuError(f"qemu-img {verb}: {done.stderr.strip()}")
    return done.stdout
