"""What an image is, by its own bytes; all beginnings here are harmless, and name nothing."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path
from typing import Any

import pytest

from mngr.qemu import img

OTHERS = {
    "vmdk": b"KDMV", "vmdk, old": b"COWD", "vmdk, text": b"# Disk DescriptorFile\n", "vmdk, comments": b"# a\n\n#b\nversion=1\n",
    "vhdx": b"vhdxfile", "vpc": b"conectix", "vdi": bytes(64) + b"\x7f\x10\xda\xbe", "qed": b"QED\0",
    "parallels": b"WithoutFreeSpace", "luks": b"LUKS\xba\xbe", "bochs": b"Bochs Virtual HD Image", "qcow": b"QFI\xfb\0\0\0\1",
    "cloop": b"#!/bin/sh\n#V2.0 Format\n",
}  # fmt: skip


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """What qemu-img is asked for."""
    calls: list[tuple[str, ...]] = []

    def run(*argv: str) -> str:
        calls.append(argv)
        return '{"format": "raw", "virtual-size": 1024}'

    monkeypatch.setattr(img, "run", run)
    return calls


@pytest.mark.parametrize("name", OTHERS)
def test_other_formats_are_known_without_qemu_img(tmp_path: Path, asked: list[Any], name: str) -> None:
    image = tmp_path / "image"
    image.write_bytes(OTHERS[name].ljust(1024, b"\0"))
    assert img.info(image) == img.Info(name.partition(",")[0], 0)
    assert asked == []


@pytest.mark.parametrize(("word", "name"), [(b"koly", "dmg"), (b"conectix", "vpc")])
def test_some_are_known_by_their_end(tmp_path: Path, asked: list[Any], word: bytes, name: str) -> None:
    image = tmp_path / "image"
    image.write_bytes(bytes(2048) + word.ljust(512, b"\0"))
    assert img.info(image).format == name
    assert asked == []


@pytest.mark.parametrize("body", [b"", b"x", bytes(1024), b"#cloud-config\nversion: 1\n", b"\xff" * 700])
def test_what_is_nothing_else_is_raw_and_qemu_img_is_told_so(
    tmp_path: Path, asked: list[Any], body: bytes
) -> None:
    image = tmp_path / "image"
    image.write_bytes(body)
    assert img.info(image) == img.Info("raw", 1024)
    assert asked == [("info", "--output=json", "-f", "raw", f"file:{image}")]


def header(version: int = 3, backing: bytes = b"", features: int = 0, crypt: int = 0) -> bytes:
    head = struct.pack(
        ">4sIQIIQI", b"QFI\xfb", version, 512 if backing else 0, len(backing), 16, 1 << 20, crypt
    )
    return (head.ljust(72, b"\0") + struct.pack(">Q", features)).ljust(512, b"\0") + backing


@pytest.mark.parametrize(
    ("head", "found"),
    [
        (header(backing=b"base"), img.Info("qcow2", 0, ("base",))),
        (header(2, backing=b"base"), img.Info("qcow2", 0, ("base",))),
        (header(features=4), img.Info("qcow2", 0, ("a file with its data",))),
        (header(crypt=2), img.Info("encrypted qcow2", 0)),
    ],
)
def test_a_qcow2_of_other_files_is_known_without_qemu_img(
    tmp_path: Path, asked: list[Any], head: bytes, found: img.Info
) -> None:
    image = tmp_path / "image"
    image.write_bytes(head)
    assert img.info(image) == found
    assert asked == []


def test_real_ones(tmp_path: Path) -> None:
    image = tmp_path / "image"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(image), "1M"], check=True)
    assert img.info(image) == img.Info("qcow2", 1 << 20)
    (tmp_path / "raw").write_bytes(bytes(4096))
    assert img.info(tmp_path / "raw") == img.Info("raw", 4096)
    with pytest.raises(img.QemuError):
        img.info(tmp_path / "none")
