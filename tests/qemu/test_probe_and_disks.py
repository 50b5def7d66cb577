"""QEMU's own programs: the guest that tells whether KVM works, and overlays."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from mngr.qemu import kvm, overlay

pytestmark = pytest.mark.skipif(
    not shutil.which(kvm.QEMU) or not shutil.which("qemu-img"), reason="no QEMU: run `scripts/setup test`"
)


def test_the_probes_guest_runs_where_processors_are_emulated() -> None:
    assert kvm.guest_runs("tcg", 30)


def test_it_hasnt_run_if_the_time_is_over_or_qemu_refuses() -> None:
    assert not kvm.guest_runs("tcg", 0.01)
    assert not kvm.guest_runs("no-such-accelerator", 30)


def test_a_guest_that_is_too_slow_at_computing_doesnt_run(monkeypatch: pytest.MonkeyPatch) -> None:
    count, rest = kvm.BOOT_SECTOR[:10], kvm.BOOT_SECTOR[10:]
    assert count == kvm.COUNT_DOWN
    monkeypatch.setattr(kvm, "BOOT_SECTOR", count[:2] + b"\xff" * 4 + count[6:] + rest)
    assert "computes" in kvm.trouble("tcg", 2)


def test_kvm_is_used_where_it_runs_a_guest() -> None:
    assert kvm.accelerator() == ("kvm" if kvm.works() else "tcg")
    if not os.path.exists(kvm.DEVICE):
        assert not kvm.works()


def test_an_overlay_leaves_its_image_alone_and_can_grow(tmp_path: Path) -> None:
    image, disk = tmp_path / "image.raw", tmp_path / "disk.qcow2"
    image.write_bytes(b"x" * 1024**2)
    overlay.create(disk, image, 2)
    overlay.resize(disk, 3)
    told = json.loads(subprocess.check_output(["qemu-img", "info", "--output=json", str(disk)]))
    assert (told["virtual-size"], told["backing-filename"]) == (3 * 1024**3, str(image))
    assert image.read_bytes() == b"x" * 1024**2


def test_an_image_that_isnt_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(overlay.QemuError, match=r"qemu-img create: .*nowhere\.raw"):
        overlay.create(tmp_path / "disk.qcow2", tmp_path / "nowhere.raw", 1)
