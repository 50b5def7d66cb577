"""GPUs by PCI address: what node devices say of them, and how they stand in a VM's XML. No test computer has one."""

from __future__ import annotations

import dataclasses
import xml.etree.ElementTree as ET
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from mngr.model.errors import Conflict, InvalidInput, NotFound
from mngr.vms import domain, gpus
from mngr.vms.domain import Made
from mngr.vms.hypervisor import Hypervisor
from mngr.vms.spec import VmSpec, check, decode, encode

SPEC = VmSpec(name="web", image="/images/a.img", gpus=("0000:01:00.0", "000a:c1:1f.7"))
MADE = Made("0f0e0d0c-0b0a-4009-8807-060504030201", "/disks/a.qcow2", "/disks/a.seed.img", "kvm")
GPU = """
<device><name>pci_0000_01_00_0</name><driver><name>nouveau</name></driver><capability type='pci'><class>0x030000</class>
<domain>0</domain><bus>1</bus><slot>0</slot><function>0</function><product id='0x1'>A100 &lt;x&gt;</product><vendor id='0x10de'>NVIDIA</vendor>
{group}</capability></device>
"""
ADDRESS = "<address domain='0x0000' bus='0x01' slot='0x00' function='0x{}'/>"
GROUP = "<iommuGroup number='1'>" + ADDRESS.format(0) + ADDRESS.format(1) + "{}</iommuGroup>"
DISK = GPU.replace("0x030000", "0x010802").replace("<bus>1<", "<bus>2<")


def hypervisor(*devices: str, domains: tuple[Any, ...] = ()) -> Any:
    conn = SimpleNamespace(
        listAllDevices=lambda flags: [SimpleNamespace(XMLDesc=lambda text=text: text) for text in devices],
        listAllDomains=lambda: domains,
    )
    return Hypervisor(pytest.importorskip("libvirt"), conn, "test:///default", Path("/disks"), "default")


@pytest.fixture
def vfio(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    (tmp_path / "groups" / "1").mkdir(parents=True)
    (tmp_path / "vfio-pci").mkdir()
    monkeypatch.setattr(gpus, "IOMMU_GROUPS", tmp_path / "groups")
    monkeypatch.setattr(gpus, "VFIO", tmp_path / "vfio-pci")
    return tmp_path


def test_they_stand_in_the_vm_s_xml() -> None:
    text = domain.write(check(SPEC), MADE)
    assert domain.devices(text) == list(SPEC.gpus)
    first = ET.fromstring(text).find("devices/hostdev")
    assert first is not None
    assert first.attrib == {"mode": "subsystem", "type": "pci", "managed": "yes"}
    assert domain.read(text).spec == SPEC == decode(encode(SPEC))


@pytest.mark.parametrize(
    "address",
    ["", "01:00.0", "0000:01:00", "0000:01:20.0", "0000:01:00.8", "0000:0G:00.0", "0000:01:00.0\n", "<x/>"],
)
def test_addresses_that_are_none(address: str) -> None:
    with pytest.raises(InvalidInput, match="PCI address"):
        check(msgspec.structs.replace(SPEC, gpus=(address,)))


def test_the_same_one_twice() -> None:
    with pytest.raises(InvalidInput, match="twice"):
        check(msgspec.structs.replace(SPEC, gpus=("0000:01:00.0",) * 2))


def test_one_that_may_be_handed_over(vfio: Path) -> None:
    here = hypervisor(GPU.format(group=GROUP.format("")), DISK.format(group=""))
    [found] = gpus.list_(here)
    assert (found.address, found.vendor, found.product, found.driver) == (
        "0000:01:00.0",
        "NVIDIA",
        "A100 <x>",
        "nouveau",
    )
    assert found.problem == ""
    gpus.check(here, msgspec.structs.replace(SPEC, gpus=("0000:01:00.0",)))
    with pytest.raises(NotFound, match=r"0000:02:00\.0"):  # a disk is no GPU
        gpus.check(here, msgspec.structs.replace(SPEC, gpus=("0000:02:00.0",)))


def test_reasons_why_one_may_not(vfio: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = msgspec.structs.replace(SPEC, gpus=("0000:01:00.0",))
    shared = ADDRESS.replace("0x01", "0x02").format(0)
    with pytest.raises(Conflict, match=r"other devices, too: 0000:02:00\.0"):
        gpus.check(hypervisor(GPU.format(group=GROUP.format(shared))), wanted)
    with pytest.raises(Conflict, match="no IOMMU group"):
        gpus.check(hypervisor(GPU.format(group="")), wanted)
    monkeypatch.setattr(gpus, "IOMMU_GROUPS", vfio / "none")
    with pytest.raises(Conflict, match="intel_iommu=on"):
        gpus.check(hypervisor(GPU.format(group="")), wanted)
    monkeypatch.setattr(gpus, "VFIO", vfio / "none")
    monkeypatch.setattr(gpus, "MODULES", vfio / "none")
    with pytest.raises(Conflict, match="no vfio-pci"):
        gpus.check(hypervisor(GPU.format(group=GROUP.format(""))), wanted)
    with pytest.raises(NotFound, match=r"0000:01:00\.0"):
        gpus.check(hypervisor(), wanted)


def test_one_that_another_vm_runs_with(vfio: Path) -> None:
    other = SimpleNamespace(
        name=lambda: "other", state=lambda: [1, 0], XMLDesc=lambda: domain.write(SPEC, MADE)
    )
    here = hypervisor(GPU.format(group=GROUP.format("")), domains=(other,))
    with pytest.raises(Conflict, match="is with VM other"):
        gpus.check(here, msgspec.structs.replace(SPEC, gpus=("0000:01:00.0",)))
    assert gpus.list_(here)[0].vms == ("other",)


def test_its_sound_goes_with_it(vfio: Path) -> None:
    """VFIO hands out a group as a whole: with .0 alone QEMU says that the group isn't viable."""
    here = hypervisor(GPU.format(group=GROUP.format("")))
    wanted = msgspec.structs.replace(SPEC, gpus=("0000:01:00.0",))
    assert gpus.list_(here)[0].beside == ("0000:01:00.1",)
    assert gpus.beside(here, wanted) == ("0000:01:00.1",)
    assert gpus.beside(here, msgspec.structs.replace(SPEC, gpus=("0000:01:00.0", "0000:01:00.1"))) == ()
    assert gpus.beside(here, msgspec.structs.replace(SPEC, gpus=())) == ()
    text = domain.write(wanted, dataclasses.replace(MADE, devices=("0000:01:00.1",)))
    assert domain.devices(text) == ["0000:01:00.0", "0000:01:00.1"]
    assert domain.read(text).spec == wanted
