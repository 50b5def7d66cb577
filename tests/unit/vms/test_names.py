"""VMs of others may have names that mngr's can't have; and a create after one that was killed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

pytest.importorskip("libvirt", reason="libvirt's Python library isn't installed")

from mngr.cli import vm_create
from mngr.model.errors import Conflict, NotFound
from mngr.vms import clone, domain, inject, remove, resize
from mngr.vms.hypervisor import Hypervisor, opened
from mngr.vms.images import Images
from support.vm_http import MADE, SPEC

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
VM = "<domain type='test'><name>win 11</name><memory>65536</memory><os><type>hvm</type></os></domain>"
VERBS: dict[str, Callable[[Hypervisor], Any]] = {
    "resize": lambda here: resize.resize(here, "win 11", resize.Change(memory_mib=128)),
    "clone": lambda here: clone.clone(here, "win 11", "copy"),
    "inject": lambda here: inject.inject(here, "win 11", "mine", KEY),
    "eject": lambda here: inject.eject(here, "win 11", "mine"),
    "delete": lambda here: remove.delete(here, "win 11"),
}


@pytest.fixture
def hypervisor(tmp_path: Path) -> Iterator[Hypervisor]:
    here = opened("test:///default", {"LIBVIRT_STORAGE_PATH": str(tmp_path / "disks")})
    yield here
    for one in here.conn.listAllDomains():
        if one.name() in ("win 11", "one"):
            one.undefine()


@pytest.mark.parametrize("verb", VERBS)
def test_a_vm_of_others_with_a_name_of_others(hypervisor: Hypervisor, verb: str) -> None:
    with pytest.raises(NotFound, match="win 11"):
        VERBS[verb](hypervisor)
    hypervisor.conn.defineXML(VM)
    with pytest.raises(Conflict, match="'win 11'"):
        VERBS[verb](hypervisor)


def test_what_a_killed_create_left_is_not_in_the_way_of_another(
    hypervisor: Hypervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = domain.write(SPEC, MADE).replace('type="qemu"', 'type="test"')
    with remove.hold(hypervisor, "one") as held:
        remove.begin(hypervisor, held, remove.CREATE, "one", MADE.uuid)
        hypervisor.conn.defineXML(text)
    # libvirt's made-up hypervisor knows none of the flags with which we remove a VM
    monkeypatch.setattr(remove, "take_away", lambda here, name, uuid, *_: here.find_by_uuid(uuid).undefine())
    monkeypatch.setattr(Images, "get", lambda *given: tmp_path / "image")
    wanted = msgspec.structs.replace(SPEC, image="/", memory_mib=128, network="user")
    spec = vm_create._fetched(hypervisor, wanted, b"", lambda step: None)
    assert (spec.image, spec.memory_mib) == (str(tmp_path / "image"), 128)
    assert hypervisor.find("one") is None
