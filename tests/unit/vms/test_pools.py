"""Storage pools on libvirt's made-up hypervisor: what a killed create left."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("libvirt", reason="libvirt's Python library isn't installed")

from mngr.journal import Intent
from mngr.model.errors import Conflict
from mngr.vms import pools
from mngr.vms.hypervisor import Hypervisor, opened

ID = "0f0e0d0c-0b0a-4009-8807-0605040302bb"
POOL = "<pool type='dir'><name>fast</name><uuid>{id}</uuid><target><path>{path}</path></target></pool>"
VM = """<domain type='test'><name>user-of-fast</name><memory>65536</memory><os><type>hvm</type></os><devices>
<disk type='file'><source file='{path}/x.img'/><target dev='vda'/></disk></devices></domain>"""


@pytest.fixture
def hypervisor(tmp_path: Path) -> Iterator[Hypervisor]:
    here = opened("test:///default", {"LIBVIRT_STORAGE_PATH": str(tmp_path / "disks")})
    yield here
    for one in here.conn.listAllDomains():
        if one.name() == "user-of-fast":
            one.undefine()
    for one in here.conn.listAllStoragePools():
        if one.name() == "fast":
            one.destroy()
            one.undefine()


def killed(here: Hypervisor, folder: Path, uri: str = "test:///default") -> None:
    """A create that was killed once libvirt had the pool."""
    folder.mkdir()
    here.folder.mkdir(exist_ok=True)
    plan = {"uuid": ID, "uri": uri, "path": str(folder), "autostart": True}
    with here.journal.hold("pool", "fast") as held:
        held.write(Intent(provider="pool", subject="fast", kind="create", at=0.0, plan=plan))
    here.conn.storagePoolDefineXML(POOL.format(id=ID, path=folder)).create()


def names(here: Hypervisor) -> list[str]:
    return [one.name for one in pools.list_(here)]


def test_what_a_killed_create_left_goes_at_the_next_look(hypervisor: Hypervisor, tmp_path: Path) -> None:
    killed(hypervisor, tmp_path / "fast")
    assert "fast" not in names(hypervisor)
    assert not (tmp_path / "fast").exists()
    assert not hypervisor.journal.entries("pool")


def test_unless_a_vm_has_a_disk_in_it_by_now(hypervisor: Hypervisor, tmp_path: Path) -> None:
    killed(hypervisor, tmp_path / "fast")
    hypervisor.conn.defineXML(VM.format(path=tmp_path / "fast"))
    [fast] = [one for one in pools.list_(hypervisor) if one.name == "fast"]
    assert (fast.active, fast.vms, fast.autostart) == (True, ("user-of-fast",), True)
    assert not hypervisor.journal.entries("pool")


def test_another_libvirt_s_is_left_to_a_look_at_that(hypervisor: Hypervisor, tmp_path: Path) -> None:
    killed(hypervisor, tmp_path / "fast", uri="qemu+unix:///elsewhere")
    names(hypervisor)
    assert len(hypervisor.journal.entries("pool")) == 1
    with pytest.raises(Conflict, match=r"qemu\+unix:///elsewhere isn't cleared away"):
        pools.create(hypervisor, "fast", str(tmp_path / "fast"))
