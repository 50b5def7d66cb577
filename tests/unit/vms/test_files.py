"""Who may read a VM's files, from their first moment on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mngr.qemu import overlay
from mngr.vms import files, remove
from mngr.vms.hypervisor import Hypervisor
from mngr.vms.spec import VmSpec

UUID = "0f0e0d0c-0b0a-4009-8807-060504030201"


@pytest.fixture(autouse=True)
def _usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(path: Path) -> str:
    return f"{path.stat().st_mode & 0o777:o}"


def test_disks_and_seeds_are_their_owners_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = tmp_path / "image"
    image.write_bytes(bytes(1 << 20))
    there = files.files_of(tmp_path / "disks", "one", UUID)
    create, before = overlay.create, []

    def watched(disk: Path, *more: object) -> None:
        before.append(mode(disk))
        create(disk, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(overlay, "create", watched)
    files.make(there, VmSpec(name="one", image=str(image), disk_gib=1), UUID, "raw", b"")
    assert before == ["600"]
    assert (mode(there.disk), mode(there.seed), mode(tmp_path / "disks")) == ("600", "600", "711")


def test_the_folder_is_the_same_where_the_journal_comes_first(tmp_path: Path) -> None:
    hypervisor = Hypervisor(None, None, "test:///default", tmp_path / "disks", "default")
    with remove.hold(hypervisor, "one"):
        assert (mode(tmp_path / "disks"), mode(tmp_path / "disks" / ".mngr")) == ("711", "700")
