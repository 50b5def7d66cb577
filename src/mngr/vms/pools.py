"""libvirt's storage pools that are folders, for the disks of VMs. https://libvirt.org/formatstorage.html"""

from __future__ import annotations

import uuid
import xml.etree.ElementTree as ET
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from mngr.journal import Held, Intent
from mngr.model.errors import Conflict, InvalidInput, MngrError, NotFound
from mngr.model.names import check_name
from mngr.vms import domain as xml
from mngr.vms import library
from mngr.vms.files import make_folder
from mngr.vms.hypervisor import Hypervisor
from mngr.vms.spec import VmSpec, check_path

JOURNAL = "pool"
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
    sweep(hypervisor)
    disks = _disks(hypervisor)
    with library.doing("list storage pools"):
        found = [_read(one, disks) for one in hypervisor.conn.listAllStoragePools()]
    return sorted(found, key=lambda one: one.name)


def show(hypervisor: Hypervisor, name: str) -> Pool:
    """Raises NotFound."""
    with library.doing(f"read storage pool {name}"):
        return _read(get(hypervisor, name), _disks(hypervisor))


def create(hypervisor: Hypervisor, name: str, path: str, autostart: bool = True) -> tuple[Pool, bool]:
    """Defines and starts one at a folder, which is made if it isn't there. False if it was there with these values: then it is only
    started. Raises InvalidInput; Conflict (another pool of that name or folder). A killed create leaves nothing once somebody looks."""
    hypervisor.check_local()
    check_name(name, "pool name")
    check_path(path, "folder")
    if path == "/":
        raise InvalidInput("folder '/' can't be used", hint="give a folder for disks alone")
    make_folder(hypervisor.folder)
    with hypervisor.journal.hold(JOURNAL, name) as held:
        _finish(hypervisor, held)
        pools = {one.name: one for one in list_(hypervisor)}
        if (there := pools.get(name)) is not None:
            if (there.path, there.autostart) != (path, autostart):
                raise Conflict(
                    f"storage pool {name} is there at {there.path}, {'' if there.autostart else 'not '}started with libvirt",
                    hint="give yours another name",
                )
            if not there.active:
                with library.doing(f"start storage pool {name}"):
                    get(hypervisor, name).create()
            return show(hypervisor, name), False
        if same := [one.name for one in pools.values() if one.path == path]:
            raise Conflict(f"folder {path} is storage pool {same[0]} already", hint="give another folder")
        _make(hypervisor, held, name, Path(path), autostart)
    return show(hypervisor, name), True


def delete(hypervisor: Hypervisor, name: str) -> None:
    """Has libvirt forget one; its folder stays. Repeatable until it is gone. Raises NotFound; Conflict if a VM has a disk in it."""
    pool = show(hypervisor, name)
    if pool.vms:
        raise Conflict(
            f"storage pool {name} has disks of {', '.join(pool.vms)}", hint="delete those VMs first"
        )
    with library.doing(f"remove storage pool {name}"):
        _end(hypervisor, get(hypervisor, name))


def folder(hypervisor: Hypervisor, spec: VmSpec) -> Path:
    """Where a VM's files are to be. Raises NotFound, Conflict (its pool is no folder, or isn't started)."""
    if not spec.pool:
        return hypervisor.folder
    with library.doing(f"read storage pool {spec.pool}"):
        pool = get(hypervisor, spec.pool)
        root, active = ET.fromstring(pool.XMLDesc()), pool.isActive()
    if root.get("type") not in FOLDERS:
        raise Conflict(f"storage pool {spec.pool} is no folder", hint="`mngr vm pool list` shows pools")
    if not active:
        raise Conflict(f"storage pool {spec.pool} isn't started", hint=f"`virsh pool-start {spec.pool}`")
    return Path(root.findtext("target/path") or "")


def get(hypervisor: Hypervisor, name: str) -> Any:
    """libvirt's object. Raises NotFound."""
    libvirt = hypervisor.libvirt
    try:
        return hypervisor.conn.storagePoolLookupByName(name)
    except libvirt.libvirtError as error:
        if library.code(error) == libvirt.VIR_ERR_NO_STORAGE_POOL:
            raise NotFound(
                f"libvirt has no storage pool {name!r}", hint="`mngr vm pool list` shows pools"
            ) from None
        raise library.told(error, f"look for storage pool {name}") from None


def sweep(hypervisor: Hypervisor) -> None:
    """Takes away what killed creates have left. Repeatable."""
    for entry in hypervisor.journal.entries(JOURNAL):
        if not entry.busy:
            with suppress(Conflict), hypervisor.journal.hold(JOURNAL, entry.subject) as held:
                _finish(hypervisor, held)


# --- its parts ----------------------------------------------------------------------------------------------------


def _make(hypervisor: Hypervisor, held: Held, name: str, path: Path, autostart: bool) -> None:
    id = str(uuid.uuid4())
    plan = {"uuid": id, "uri": hypervisor.uri, "path": "" if path.exists() else str(path)}
    held.write(Intent(provider=JOURNAL, subject=name, kind="create", at=hypervisor.clock.now(), plan=plan))
    root = ET.Element("pool", type="dir")
    ET.SubElement(root, "name").text = name
    ET.SubElement(root, "uuid").text = id
    ET.SubElement(ET.SubElement(root, "target"), "path").text = str(path)
    try:
        make_folder(path)
        with library.doing(f"make storage pool {name}"):
            pool = hypervisor.conn.storagePoolDefineXML(ET.tostring(root, encoding="unicode"))
            pool.create()
            pool.setAutostart(int(autostart))
    except BaseException as failure:
        with suppress(MngrError):
            _finish(hypervisor, held)
        if isinstance(failure, OSError):
            raise InvalidInput(f"folder {path} can't be made: {failure.strerror}") from None
        raise
    held.done()


def _finish(hypervisor: Hypervisor, held: Held) -> None:
    if held.intent is None:
        return
    libvirt, plan = hypervisor.libvirt, held.intent.plan
    with library.doing("remove what a killed create left"):
        try:
            _end(hypervisor, hypervisor.conn.storagePoolLookupByUUIDString(str(plan.get("uuid", ""))))
        except libvirt.libvirtError as error:
            if library.code(error) != libvirt.VIR_ERR_NO_STORAGE_POOL:
                raise
    if made := str(plan.get("path", "")):
        with suppress(OSError):  # it has something in it, or was never made
            Path(made).rmdir()
    held.done()


def _end(hypervisor: Hypervisor, pool: Any) -> None:
    if pool.isActive():
        pool.destroy()
    with suppress(hypervisor.libvirt.libvirtError):  # one that wasn't persistent is gone
        if pool.isPersistent():
            pool.undefine()


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
        autostart=bool(pool.autostart()) if pool.isPersistent() else False,
        capacity=info[1] if active else 0,
        available=info[3] if active else 0,
        vms=tuple(sorted({name for name, folder in disks if path and folder == Path(path)})),
    )
