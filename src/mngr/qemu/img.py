"""qemu-img: what an image is, and file systems as images. https://www.qemu.org/docs/master/tools/qemu-img.html"""

from __future__ import annotations

import json
import os
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from mngr.model.errors import MngrError, Unreachable, is_of_the_disk

LIMIT_S = 300.0


class QemuError(Exception):
    """QEMU or one of its programs didn't start, or didn't do what it was asked; the message has its own words."""

    def as_ours(self, message: str, hint: str = "") -> MngrError:
        """The error to raise for it: Unreachable where only the disk is to blame, which can be mended."""
        kind = Unreachable if is_of_the_disk(str(self)) else MngrError
        return kind(message, hint=hint, details=str(self))


#: How images of other formats begin, and at which byte.
_OTHERS = (
    (0, b"KDMV", "vmdk"), (0, b"COWD", "vmdk"), (0, b"# Disk DescriptorFile", "vmdk"), (0, b"vhdxfile", "vhdx"),
    (0, b"conectix", "vpc"), (64, b"\x7f\x10\xda\xbe", "vdi"), (0, b"QED\0", "qed"), (0, b"WithoutFreeSpace", "parallels"),
    (0, b"WithouFreSpacExt", "parallels"), (0, b"#!/bin/sh\n#V2.0 Format", "cloop"), (0, b"LUKS\xba\xbe", "luks"),
    (0, b"Bochs Virtual HD Image", "bochs"),
)  # fmt: skip
#: The same of the last 512 bytes.
_ENDS = ((b"koly", "dmg"), (b"conectix", "vpc"))
_QCOW = b"QFI\xfb"
_DATA_FILE = 1 << 2


@dataclass(frozen=True)
class Info:
    """What an image is. `format` is qemu's word (raw, qcow2), `size` what a machine sees, in bytes; 0 where it wasn't read.
    `outside`: other files that it is made of, which are read when it is."""

    format: str
    size: int
    outside: tuple[str, ...] = ()


def info(image: Path) -> Info:
    """What an image is, which may be a stranger's. Its first bytes are looked at here: qemu-img reads it only if it is qcow2
    without other files, or of no format that is known here, and then it is told which (raw). It would open what other
    formats name, whatever that is. Raises QemuError."""
    known = head(image)
    if known.format not in ("raw", "qcow2") or known.outside:
        return known
    told = json.loads(run("info", "--output=json", "-f", known.format, f"file:{image}"))
    extra = (told.get("format-specific") or {}).get("data") or {}
    outside = (told.get("backing-filename"), extra.get("data-file"))
    outside += tuple(one.get("filename") for one in extra.get("extents", ()))
    return Info(told["format"], told["virtual-size"], tuple(one for one in outside if one))


def head(image: Path) -> Info:
    """Format and other files by an image's own bytes; its size isn't read. Raises QemuError.

    https://www.qemu.org/docs/master/interop/qcow2.html
    """
    try:
        with image.open("rb") as file:
            begins = file.read(4096)
            file.seek(-min(512, file.seek(0, os.SEEK_END)), os.SEEK_END)
            ends = file.read(512)
            if begins.startswith(_QCOW):
                return _qcow(begins.ljust(4096, b"\0"), file)
    except OSError as problem:
        raise QemuError(f"{image} can't be read: {problem.strerror}") from None
    found = [name for at, word, name in _OTHERS if begins[at:].startswith(word)]
    found += [name for word, name in _ENDS if ends.startswith(word)]
    if _is_descriptor(begins):
        found.append("vmdk")
    return Info(found[0] if found else "raw", 0)


def _qcow(begins: bytes, file: BinaryIO) -> Info:
    version, at, length = struct.unpack_from(">IQI", begins, 4)
    if version < 2:
        return Info("qcow", 0)
    if struct.unpack_from(">I", begins, 32)[0]:
        return Info("encrypted qcow2", 0)
    outside = []
    if at:
        file.seek(min(at, 1 << 62))
        outside.append(file.read(min(length, 1023)).decode(errors="replace") or "a file without a name")
    if version > 2 and struct.unpack_from(">Q", begins, 72)[0] & _DATA_FILE:
        outside.append("a file with its data")
    return Info("qcow2", 0, tuple(outside))


def _is_descriptor(begins: bytes) -> bool:
    """VMDK's text, which may have comments and empty lines before it."""
    for line in begins.splitlines():
        if line.strip() and not line.startswith(b"#"):
            return line.startswith(b"version=")
    return False


def fat(image: Path, folder: Path, label: str) -> None:
    """Make a raw image, 2.8 MiB, of a FAT file system with a folder's files and that label. Raises QemuError."""
    source = {"driver": "vvfat", "dir": str(folder), "label": label, "floppy": True}
    run("convert", "-q", "-O", "raw", f"json:{json.dumps(source)}", f"file:{image}")


def run(verb: str, *argv: str, limit_s: float = LIMIT_S) -> str:
    """`qemu-img VERB ARGV…`; what it printed. Raises QemuError."""
    try:
        done = subprocess.run(
            ["qemu-img", verb, *argv],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=limit_s, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise QemuError(f"qemu-img {verb}: {problem}")
    if done.returncode:
        raise QemuError(f"qemu-img {verb}: {done.stderr.strip()}")
    return done.stdout
