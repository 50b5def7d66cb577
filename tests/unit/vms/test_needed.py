"""Which images are in use, and what goes when a VM does."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

pytest.importorskip("libvirt", reason="libvirt's Python library isn't installed")

from mngr.model.errors import MngrError
from mngr.vms import needed, remove
from mngr.vms.hypervisor import Hypervisor, opened


@pytest.fixture
def hypervisor(tmp_path: Path) -> Hypervisor:
    (tmp_path / "disks").mkdir()
    return opened("test:///default", {"LIBVIRT_STORAGE_PATH": str(tmp_path / "disks")})


def test_what_disks_are_laid_over_is_needed_whosever_vm_it_is(hypervisor: Hypervisor, tmp_path: Path) -> None:
    base, disk = tmp_path / "base", tmp_path / "disks" / "other-01234567.qcow2"
    base.write_bytes(bytes(4096))
    subprocess.run(
        ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", str(base), str(disk)], check=True
    )
    assert str(base) in needed.paths(hypervisor)


def test_so_is_what_an_open_create_names(hypervisor: Hypervisor) -> None:
    with remove.hold(hypervisor, "one") as held:
        remove.begin(hypervisor, held, remove.CREATE, "one", "0" * 36, "/images/a.img")
        assert "/images/a.img" in needed.paths(hypervisor)


def test_where_it_cannot_be_known_all_stay(hypervisor: Hypervisor) -> None:
    with remove.hold(hypervisor, "one") as held:
        remove.begin(hypervisor, held, remove.CREATE, "one", "0" * 36, "/images/a.img")
        held.path.write_text("{")
        with pytest.raises(MngrError, match="can't be read"):
            needed.paths(hypervisor)
