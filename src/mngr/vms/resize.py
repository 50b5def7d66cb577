"""Changing a VM: memory, processors, disk, autostart. The spec that is kept with it follows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from mngr.model.errors import Conflict, InvalidInput
from mngr.qemu import overlay
from mngr.vms import domain as xml
from mngr.vms import library, notes, remove, states
from mngr.vms.files import GIB
from mngr.vms.hypervisor import Hypervisor
from mngr.vms.spec import VmSpec, check


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be another value; None stays as it is. Memory in MiB, disk in GiB."""

    memory_mib: int | None = None
    vcpus: int | None = None
    disk_gib: int | None = None
    autostart: bool | None = None


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    """Names of the values that differ from before, and those of them that the VM has from its next start on."""

    changed: tuple[str, ...]
    at_next_start: tuple[str, ...]


def resize(hypervisor: Hypervisor, name: str, change: Change, wait_s: float = 0) -> Changed:
    """A disk grows at once, also while the VM runs; memory and processors of a VM that runs change now as far as QEMU and the
    guest can do that, else at its next start. May be repeated, also after it was killed.

    Raises NotFound, InvalidInput (a disk never shrinks), Conflict (not mngr's VM; saved or undefined while it runs; another
    mngr at work on it). `wait_s`: as in `create`.
    """
    hypervisor.check_local()
    hypervisor.get(name)
    with remove.hold(hypervisor, name, wait_s) as held:
        remove.finish(hypervisor, held, name)
        domain = hypervisor.get(name)
        was, spec = _spec(hypervisor, domain, name, change)
        disk = _disk(hypervisor, domain, name, spec) if change.disk_gib is not None else None
        if change != Change():
            states.check_not_saved(domain)
        if disk:
            _grow(hypervisor, domain, name, disk, spec.disk_gib * GIB)
        late = _change(hypervisor, domain, name, spec)
        fields = [one for one in VmSpec.__struct_fields__ if getattr(was, one) != getattr(spec, one)]
        return Changed(changed=tuple(fields), at_next_start=tuple(late))


def _spec(hypervisor: Hypervisor, domain: Any, name: str, change: Change) -> tuple[VmSpec, VmSpec]:
    """What the VM is defined as, and what it is to be."""
    with library.doing(f"read VM {name}"):
        if not domain.isPersistent():
            raise Conflict(f"VM {name} was undefined while it runs, and goes with its end")
        was = xml.read(domain.XMLDesc(hypervisor.libvirt.VIR_DOMAIN_XML_INACTIVE)).spec
    if was is None:
        raise Conflict(f"VM {name!r} wasn't made by mngr", hint="`virsh edit` changes it")
    wanted = {key: value for key, value in msgspec.structs.asdict(change).items() if value is not None}
    return was, check(msgspec.structs.replace(was, **wanted))


def _disk(hypervisor: Hypervisor, domain: Any, name: str, spec: VmSpec) -> Path | None:
    """The disk, if it is to grow. Raises InvalidInput if it would shrink."""
    with library.doing(f"read the disk of VM {name}"):
        disk = hypervisor.disk(domain)
        size = domain.blockInfo(str(disk))[0]
    if spec.disk_gib * GIB < size:
        raise InvalidInput(
            f"a disk of {spec.disk_gib} GiB would be smaller than VM {name}'s, which has {-(-size // GIB)} GiB",
            hint="a disk only grows, as nobody knows what a guest has at its end",
        )
    return disk if spec.disk_gib * GIB > size else None


def _grow(hypervisor: Hypervisor, domain: Any, name: str, disk: Path, size: int) -> None:
    if states.of(domain) in states.OFF:
        try:
            overlay.resize(disk, size // GIB)
        except overlay.QemuError as problem:
            raise problem.as_ours(f"can't make the disk of VM {name} larger") from None
        return
    with library.doing(f"make the disk of VM {name} larger"):
        domain.blockResize(str(disk), size, hypervisor.libvirt.VIR_DOMAIN_BLOCK_RESIZE_BYTES)


def _change(hypervisor: Hypervisor, domain: Any, name: str, spec: VmSpec) -> list[str]:
    """Definition and spec are changed in one step; what runs follows as far as it can. What can't."""
    libvirt = hypervisor.libvirt
    live = libvirt.VIR_DOMAIN_AFFECT_LIVE
    with notes.alone(hypervisor, domain.UUIDString()), library.doing(f"change VM {name}"):
        before = domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE | libvirt.VIR_DOMAIN_XML_SECURE)
        hypervisor.conn.defineXML(xml.changed(before, spec))
        if bool(domain.autostart()) != spec.autostart:
            domain.setAutostart(int(spec.autostart))
        if states.of(domain) in states.OFF:
            return []
        note = xml.note(before, spec)
        domain.setMetadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, note, "mngr", xml.NAMESPACE, live)
        _, _, memory_kib, vcpus, _ = domain.info()
    late = []
    if memory_kib != spec.memory_mib * 1024 and not _is_done(
        libvirt, lambda: domain.setMemoryFlags(spec.memory_mib * 1024, live)
    ):
        late.append("memory_mib")
    if vcpus != spec.vcpus and not _is_done(libvirt, lambda: domain.setVcpusFlags(spec.vcpus, live)):
        late.append("vcpus")
    return late


def _is_done(libvirt: Any, call: Callable[[], object]) -> bool:
    """Whether what runs could be changed: more than it was started with it never has, and less only if the guest helps."""
    try:
        call()
    except libvirt.libvirtError:
        return False
    return True
