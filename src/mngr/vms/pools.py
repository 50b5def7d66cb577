"""libvirt's storage pools that are folders, for the disks of VMs. https://libvirt.org/formatstorage.html"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from mngr.model.errors import Conflict, InvalidInput
from mngr.model.names import check_name
from mngr.vms import defined, library
from mngr.vms import domain as xml
from mngr.vms.hypervisor import Hypervisor
from mngr.vms.spec import VmSpec, check_path

FOLDERS = ("dir", "fs", "netfs")


class Pool(msgspec.Struct, frozen=True, kw_only=True):
    """`kind`: dir, or another of libvirt's words. Sizes in bytes, 0 while it isn't started. `vms`: those with a disk in it."""

    name: str
    kind: str
    path: str
    active: bool
    autostart: bool
    capacity: int
    available: int
    vms: tuple[str, ...]


def list_(hypervisor: Hypervisor) -> list[Pool]:
    """By name. What a killed create has left is cleared away first."""
    defined.sweep(hypervisor, KIND)
    return _all(hypervisor)


def show(hypervisor: Hypervisor, name: str) -> Pool:
    """Raises NotFound."""
    with library.doing(f"read storage pool {name}"):
        return _read(defined.get(hypervisor, KIND, name), _disks(hypervisor))


def create(hypervisor: Hypervisor, name: str, path: str, autostart: bool = True) -> tuple[Pool, bool]:
    """Defines and starts one at a folder, which is made if it isn't there. False if it was there with these values: then it is only
    started. Raises InvalidInput; Conflict (another pool of that name or folder). A killed create leaves nothing once somebody looks."""
    check_name(name, "pool name")
    check_path(path, "folder")
    if path == "/":
        raise InvalidInput("folder '/' can't be used", hint="give a folder for disks alone")
    with defined.hold(hypervisor, KIND, name) as held:
        pools = {one.name: one for one in list_(hypervisor)}
        if (there := pools.get(name)) is not None:
            if (there.path, there.autostart) != (path, autostart):
                raise Conflict(
                    f"storage pool {name} is there at {there.path}, {'' if there.autostart else 'not '}started with libvirt",
                    hint="give yours another name",
                )
            defined.start(hypervisor, KIND, name)
            return show(hypervisor, name), False
        if same := [one.name for one in pools.values() if one.path == path]:
            raise Conflict(f"folder {path} is storage pool {same[0]} already", hint="give another folder")
        defined.make(hypervisor, KIND, held, name, autostart, partial(_xml, name, path), Path(path))
    return show(hypervisor, name), True


def delete(hypervisor: Hypervisor, name: str) -> None:
    """Has libvirt forget one; its folder stays. Repeatable until it is gone. Raises NotFound; Conflict if a VM has a disk in it."""
    pool = show(hypervisor, name)
    if pool.vms:
        raise Conflict(
            f"storage pool {name} has disks of {', '.join(pool.vms)}", hint="delete those VMs first"
        )
    defined.remove(hypervisor, KIND, name)


def folder(hypervisor: Hypervisor, spec: VmSpec) -> Path:
    """Where a VM's files are to be. Raises NotFound, Conflict (its pool is no folder, or isn't started)."""
    if not spec.pool:
        return hypervisor.folder
    with library.doing(f"read storage pool {spec.pool}"):
        pool = defined.get(hypervisor, KIND, spec.pool)
        root, active = ET.fromstring(pool.XMLDesc()), pool.isActive()
    if root.get("type") not in FOLDERS:
        raise Conflict(f"storage pool {spec.pool} is no folder", hint="`mngr vm pool list` shows pools")
    if not active:
        raise Conflict(f"storage pool {spec.pool} isn't started", hint=f"`virsh pool-start {spec.pool}`")
    return Path(root.findtext("target/path") or "")


# --- its parts ----------------------------------------------------------------------------------------------------


def _xml(name: str, path: str, id: str) -> str:
    root = ET.Element("pool", type="dir")
    ET.SubElement(root, "name").text = name
    ET.SubElement(root, "uuid").text = id
    ET.SubElement(ET.SubElement(root, "target"), "path").text = path
    return ET.tostring(root, encoding="unicode")


def _all(hypervisor: Hypervisor) -> list[Pool]:
    disks = _disks(hypervisor)
    with library.doing("list storage pools"):
        found = [_read(one, disks) for one in hypervisor.conn.listAllStoragePools()]
    return sorted(found, key=lambda one: one.name)


def _disks(hypervisor: Hypervisor) -> list[tuple[str, Path]]:
    with library.doing("list all VMs"):
        facts = [xml.read(one.XMLDesc()) for one in hypervisor.conn.listAllDomains()]
    return [(one.name, Path(disk).parent) for one in facts for disk in one.disks]


def _read(pool: Any, disks: list[tuple[str, Path]]) -> Pool:
    root, info = ET.fromstring(pool.XMLDesc()), pool.info()
    path, active = root.findtext("target/path") or "", bool(pool.isActive())
    return Pool(
        name=pool.name(),
        kind=root.get("type", ""),
        path=path,
        active=active,
        autostart=defined.is_autostarted(pool),
        capacity=info[1] if active else 0,
        available=info[3] if active else 0,
        vms=tuple(sorted({name for name, folder in disks if path and folder == Path(path)})),
    )


KIND = defined.Kind(
    word="storage pool", verb="pool", calls="storagePool", missing=49, hint="`mngr vm pool list` shows pools",
    begin=lambda hypervisor, pool: pool.create(),
    used=lambda hypervisor: [one.name for one in _all(hypervisor) if one.vms],
)  # fmt: skip
