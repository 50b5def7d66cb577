"""Which keys were put into a VM after it was made, as libvirt keeps it: in the VM's metadata."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import msgspec

from mngr.vms import library, states
from mngr.vms.hypervisor import Hypervisor
from mngr.vms.seed_keys import Change

NAMESPACE = "urn:mngr:vm-keys:1"
PREFIX = "mngrkeys"


def read(hypervisor: Hypervisor, domain: Any) -> list[Change]:
    """By serial. Raises MngrError."""
    libvirt = hypervisor.libvirt
    try:
        text = domain.metadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, NAMESPACE, _config(hypervisor, domain))
    except libvirt.libvirtError as error:
        if library.code(error) == libvirt.VIR_ERR_NO_DOMAIN_METADATA:
            return []
        raise library.told(error, f"read the keys of VM {domain.name()}") from None
    found = msgspec.json.decode(ET.fromstring(text).text or "[]", type=list[Change])
    return sorted(found, key=lambda one: one.serial)


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


def _config(hypervisor: Hypervisor, domain: Any) -> int:
    with library.doing(f"read VM {domain.name()}"):
        return hypervisor.libvirt.VIR_DOMAIN_AFFECT_CONFIG if domain.isPersistent() else 0
