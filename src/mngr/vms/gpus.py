"""GPUs that can be handed to a VM, by their PCI addresses. https://libvirt.org/formatnode.html"""

from __future__ import annotations

import os
import re
import xml.etree.ElementTree as ET
from contextlib import suppress
from pathlib import Path

import msgspec

from mngr.model.errors import Conflict, NotFound
from mngr.vms import domain as xml
from mngr.vms import library, states
from mngr.vms.hypervisor import Hypervisor
from mngr.vms.spec import VmSpec

#: Classes of PCI devices: displays, and accelerators. No other device is handed out, as this computer may live on it.
CLASSES = ("0x03", "0x12")
IOMMU_GROUPS = Path("/sys/kernel/iommu_groups")
MODULES = Path("/lib/modules")
VFIO = Path("/sys/bus/pci/drivers/vfio-pci")


class Gpu(msgspec.Struct, frozen=True, kw_only=True):
    """`problem` says why it can't be handed to a VM; "" if it can. `driver`: what has it here now. `vms`: those defined with it.
    `beside`: other functions of the same card and IOMMU group, such as its sound, which go with it."""

    address: str
    vendor: str
    product: str
    driver: str
    problem: str
    vms: tuple[str, ...]
    beside: tuple[str, ...] = ()


def list_(hypervisor: Hypervisor) -> list[Gpu]:
    """By address. Empty where libvirt knows no devices."""
    libvirt = hypervisor.libvirt
    try:
        devices = hypervisor.conn.listAllDevices(libvirt.VIR_CONNECT_LIST_NODE_DEVICES_CAP_PCI_DEV)
    except libvirt.libvirtError as error:
        if library.code(error) == libvirt.VIR_ERR_NO_SUPPORT:
            return []
        raise library.told(error, "list PCI devices") from None
    with library.doing("read PCI devices"):
        texts = [one.XMLDesc() for one in devices]
    users = {address: tuple(sorted(names)) for address, names in _users(hypervisor).items()}
    found = [_read(ET.fromstring(text), users) for text in texts]
    return sorted((one for one in found if one), key=lambda one: one.address)


def check(hypervisor: Hypervisor, spec: VmSpec) -> None:
    """Raises NotFound (no such GPU here), Conflict with the reason why one can't be handed over."""
    if not spec.gpus:
        return
    there = {one.address: one for one in list_(hypervisor)}
    running = _users(hypervisor, running=True)
    for address in spec.gpus:
        if address not in there:
            raise NotFound(
                f"there is no GPU at PCI address {address} here",
                hint=f"there are {', '.join(there)}" if there else "this computer has none",
            )
        if problem := there[address].problem:
            raise Conflict(
                f"GPU {address} can't be handed to a VM: {problem}", hint="`mngr vm host` lists GPUs"
            )
        if others := running.get(address, set()) - {spec.name}:
            raise Conflict(
                f"GPU {address} is with VM {', '.join(sorted(others))}", hint="stop that one first"
            )


def beside(hypervisor: Hypervisor, spec: VmSpec) -> tuple[str, ...]:
    """The devices that a VM gets with its GPUs: VFIO hands out a group as a whole."""
    if not spec.gpus:
        return ()
    found = {more for one in list_(hypervisor) if one.address in spec.gpus for more in one.beside}
    return tuple(sorted(found - {*spec.gpus}))


def _read(root: ET.Element, users: dict[str, tuple[str, ...]]) -> Gpu | None:
    pci = root.find("capability[@type='pci']")
    if pci is None or not (pci.findtext("class") or "").startswith(CLASSES):
        return None
    parts = [int(pci.findtext(part) or "0", 0) for part in ("domain", "bus", "slot", "function")]
    address = "{:04x}:{:02x}:{:02x}.{:x}".format(*parts)
    return Gpu(
        address=address,
        vendor=pci.findtext("vendor") or "",
        product=pci.findtext("product") or "",
        driver=root.findtext("driver/name") or "",
        problem=_problem(pci, address),
        vms=users.get(address, ()),
        beside=tuple(sorted(one for one in _group(pci) - {address} if _card(one) == _card(address))),
    )


def _problem(pci: ET.Element, address: str) -> str:
    if pci.find("iommuGroup") is None:
        if not (IOMMU_GROUPS.is_dir() and any(IOMMU_GROUPS.iterdir())):
            return "there is no IOMMU: switch it on in the firmware, and boot with intel_iommu=on or amd_iommu=on"
        return "it is in no IOMMU group"
    if not VFIO.is_dir() and not _has_module():
        return "this kernel has no vfio-pci"
    if others := sorted(one for one in _group(pci) if _card(one) != _card(address)):
        return f"its IOMMU group has other devices, too: {', '.join(others)}"
    return ""


def _group(pci: ET.Element) -> set[str]:
    return {_address(one) for one in pci.iterfind("iommuGroup/address")}


def _card(address: str) -> str:
    return address.rpartition(".")[0]


def _address(one: ET.Element) -> str:
    parts = [int(one.get(part, "0"), 0) for part in ("domain", "bus", "slot", "function")]
    return "{:04x}:{:02x}:{:02x}.{:x}".format(*parts)


def _has_module() -> bool:
    folder = MODULES / os.uname().release
    for name in ("modules.dep", "modules.builtin"):
        try:
            if re.search(r"/vfio-pci\.ko", (folder / name).read_text()):
                return True
        except OSError:
            continue
    return False


def _users(hypervisor: Hypervisor, running: bool = False) -> dict[str, set[str]]:
    """Which VMs are defined with a device, or run with it."""
    found: dict[str, set[str]] = {}
    for domain, text in hypervisor.vms():
        with suppress(NotFound):  # it went meanwhile
            if not running or states.of(domain) not in states.OFF:
                for one in xml.devices(text):
                    found.setdefault(one, set()).add(domain.name())
    return found
