"""Which keys were put into a VM after it was made, as libvirt keeps it: in the VM's metadata."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import msgspec

from mngr.model.errors import Conflict
from mngr.vms import library, states
from mngr.vms.hypervisor import Hypervisor
from mngr.vms.seed_keys import Change

NAMESPACE = "urn:mngr:vm-keys:1"
PREFIX = "mngrkeys"
REPLACED = "urn:mngr:vm-seed-replaced:1"


def read(hypervisor: Hypervisor, domain: Any) -> list[Change]:
    """In the order in which they are to be carried out. Raises Conflict if they can't be read, MngrError."""
    libvirt = hypervisor.libvirt
    try:
        text = domain.metadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, NAMESPACE, _config(hypervisor, domain))
    except libvirt.libvirtError as error:
        if library.code(error) == libvirt.VIR_ERR_NO_DOMAIN_METADATA:
            return []
        raise library.told(error, f"read the keys of VM {domain.name()}") from None
    try:
        return msgspec.json.decode(ET.fromstring(text).text or "[]", type=list[Change])
    except msgspec.DecodeError:
        name = domain.name()
        raise Conflict(
            f"the keys that were injected into VM {name} can't be read: somebody edited its metadata {NAMESPACE}",
            hint=f"`virsh metadata {name} {NAMESPACE} --config --remove` forgets them; they stay in the VM",
        ) from None


def write(hypervisor: Hypervisor, domain: Any, changes: list[Change]) -> None:
    """Has libvirt keep them, at once and for later starts. Raises MngrError."""
    libvirt = hypervisor.libvirt
    element = ET.Element("keys")
    element.text = msgspec.json.encode(changes).decode()
    text, flags = ET.tostring(element, encoding="unicode"), _config(hypervisor, domain)
    if flags and states.of(domain) not in states.OFF:
        flags |= libvirt.VIR_DOMAIN_AFFECT_LIVE
    with library.doing(f"note the keys of VM {domain.name()}"):
        domain.setMetadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, text, PREFIX, NAMESPACE, flags)


def note_replaced(hypervisor: Hypervisor, domain: Any) -> None:
    """Notes on a VM that runs, until it is off, that its seed isn't the file that QEMU has open. Raises MngrError."""
    libvirt = hypervisor.libvirt
    try:
        domain.setMetadata(
            libvirt.VIR_DOMAIN_METADATA_ELEMENT,
            "<seed/>",
            "mngrseed",
            REPLACED,
            libvirt.VIR_DOMAIN_AFFECT_LIVE,
        )
    except libvirt.libvirtError as error:
        if library.code(error) != libvirt.VIR_ERR_OPERATION_INVALID:  # else it went off just then
            raise library.told(error, f"note the seed of VM {domain.name()}") from None


def is_replaced(hypervisor: Hypervisor, domain: Any) -> bool:
    """Whether that was noted. Raises MngrError."""
    libvirt = hypervisor.libvirt
    try:
        domain.metadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, REPLACED, libvirt.VIR_DOMAIN_AFFECT_LIVE)
    except libvirt.libvirtError as error:
        if library.code(error) in (libvirt.VIR_ERR_NO_DOMAIN_METADATA, libvirt.VIR_ERR_OPERATION_INVALID):
            return False
        raise library.told(error, f"read VM {domain.name()}") from None
    return True


def _config(hypervisor: Hypervisor, domain: Any) -> int:
    with library.doing(f"read VM {domain.name()}"):
        return hypervisor.libvirt.VIR_DOMAIN_AFFECT_CONFIG if domain.isPersistent() else 0
