"""Snapshots of a VM, inside its disk: of a running one with its memory. https://libvirt.org/formatsnapshot.html"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import msgspec

from mngr.model.clock import iso
from mngr.model.errors import Conflict, NotFound
from mngr.model.names import check_name
from mngr.vms import inject, library, remove, states
from mngr.vms.hypervisor import Hypervisor
from mngr.vms.power import started

#: libvirt's words for the state that a VM was in.
_STATES = {
    "shutoff": states.STOPPED,
    "running": states.RUNNING,
    "paused": states.PAUSED,
    "crashed": states.CRASHED,
}


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """`state` is that of the VM when it was taken; `created_at` is UTC; `current`: the VM goes on from this one."""

    name: str
    state: str
    created_at: str
    current: bool


def create(hypervisor: Hypervisor, vm: str, name: str) -> Snapshot:
    """Takes one; a running VM stands still meanwhile, and goes on. Raises NotFound, InvalidInput; Conflict if there is one of
    that name, or the VM was saved while it ran."""
    check_name(name, "snapshot name")
    domain = hypervisor.get(vm)
    states.check_not_saved(domain)
    if _find(hypervisor, domain, name) is not None:
        raise Conflict(
            f"VM {vm} has a snapshot {name} already",
            hint=f"give yours another name; `mngr vm snapshot list {vm}` shows them",
        )
    root = ET.Element("domainsnapshot")
    ET.SubElement(root, "name").text = name
    with library.doing(f"take snapshot {name} of VM {vm}"):
        return _read(domain.snapshotCreateXML(ET.tostring(root, encoding="unicode")))


def list_(hypervisor: Hypervisor, vm: str) -> list[Snapshot]:
    """All of a VM's, the oldest first. Raises NotFound if there is no such VM."""
    domain = hypervisor.get(vm)
    with library.doing(f"list snapshots of VM {vm}"):
        found = [_read(one) for one in domain.listAllSnapshots()]
    return sorted(found, key=lambda one: (one.created_at, one.name))


def restore(hypervisor: Hypervisor, vm: str, name: str) -> None:
    """Takes a VM back to one, and to the state and the injected keys that it had; what it wrote since is lost. May be repeated.

    Raises NotFound, Conflict (the port of a VM that runs again is in use; it was saved while it ran), Unreachable (another mngr is at work on it).
    """
    get(hypervisor, vm, name)
    with remove.hold(hypervisor, vm, inject.BUSY_S):
        domain, snapshot = get(hypervisor, vm, name)
        states.check_not_saved(domain)
        started(hypervisor, domain, lambda: domain.revertToSnapshot(snapshot), f"restore snapshot {name} of")
        inject.rewrite(hypervisor, domain)


def delete(hypervisor: Hypervisor, vm: str, name: str) -> None:
    """Removes one; the VM stays as it is. Raises NotFound."""
    _, snapshot = get(hypervisor, vm, name)
    with library.doing(f"remove snapshot {name} of VM {vm}"):
        snapshot.delete()


def get(hypervisor: Hypervisor, vm: str, name: str) -> tuple[Any, Any]:
    """libvirt's objects of the VM and of the snapshot. Raises NotFound."""
    domain = hypervisor.get(vm)
    if (found := _find(hypervisor, domain, name)) is None:
        raise NotFound(
            f"VM {vm} has no snapshot {name!r}", hint=f"`mngr vm snapshot list {vm}` shows those it has"
        )
    return domain, found


def _find(hypervisor: Hypervisor, domain: Any, name: str) -> Any | None:
    with library.doing(f"look for snapshot {name}"):
        return next((one for one in domain.listAllSnapshots() if one.getName() == name), None)


def _read(snapshot: Any) -> Snapshot:
    root = ET.fromstring(snapshot.getXMLDesc())
    state = root.findtext("state") or ""
    return Snapshot(
        name=snapshot.getName(),
        state=_STATES.get(state, state or states.UNKNOWN),
        created_at=iso(int(root.findtext("creationTime") or 0)),
        current=bool(snapshot.isCurrent()),
    )
