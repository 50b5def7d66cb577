"""What VMs there are, and everything of one."""

from __future__ import annotations

import time
from operator import attrgetter
from typing import Any

import msgspec

from mngr.model.progress import Progress, Step
from mngr.vms import addresses, library, stage, states
from mngr.vms import domain as xml
from mngr.vms.addresses import Address
from mngr.vms.hypervisor import Hypervisor
from mngr.vms.spec import VmSpec

SLOW_S = 1.0


class Vm(msgspec.Struct, frozen=True, kw_only=True):
    """A VM in a list. Memory in MiB."""

    name: str
    uuid: str
    state: str
    memory: int
    vcpus: int
    autostart: bool


class VmDetails(Vm, frozen=True, kw_only=True):
    """Everything of one VM. `ip` is "" where none is known; then `no_address` says why. `spec` is None if it isn't mngr's.

    `accel` is `kvm` or `tcg`, and `accel_reason` why; `address_from` is forward, lease, agent or arp.
    """

    ip: str
    ssh_port: int
    address_from: str
    no_address: str
    accel: str
    accel_reason: str
    networks: tuple[str, ...]
    disks: tuple[str, ...]
    spec: VmSpec | None


def list_(hypervisor: Hypervisor) -> list[Vm]:
    """All VMs by name, mngr's or not, in two calls however many there are; libvirt's fake hypervisor, which has no such
    figures, is asked for each VM's."""
    libvirt, conn = hypervisor.libvirt, hypervisor.conn
    wanted = libvirt.VIR_DOMAIN_STATS_STATE | libvirt.VIR_DOMAIN_STATS_BALLOON | libvirt.VIR_DOMAIN_STATS_VCPU
    with library.doing("list VMs"):
        stats = conn.getAllDomainStats(wanted)
        autostart = {
            one.UUIDString() for one in conn.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_AUTOSTART)
        }
        found = [_row(domain, facts, autostart) for domain, facts in stats]
    return sorted(found, key=attrgetter("name"))


def _row(domain: Any, facts: dict[str, Any], autostart: set[str]) -> Vm:
    if "balloon.maximum" in facts and "vcpu.current" in facts:
        memory_kib, vcpus = facts["balloon.maximum"], facts["vcpu.current"]
    else:
        _, memory_kib, _, vcpus, _ = domain.info()
    uuid = domain.UUIDString()
    return Vm(
        name=domain.name(),
        uuid=uuid,
        state=states.named(facts.get("state.state", 0)),
        memory=memory_kib // 1024,
        vcpus=vcpus,
        autostart=uuid in autostart,
    )


def show(hypervisor: Hypervisor, name: str) -> VmDetails:
    """Raises NotFound."""
    domain = hypervisor.get(name)
    with library.doing(f"read VM {name}"):
        facts = xml.read(domain.XMLDesc())
        autostart = bool(domain.autostart()) if domain.isPersistent() else False
    state = states.of(domain)
    address = addresses.find(hypervisor, domain, facts, state)
    return VmDetails(
        name=facts.name,
        uuid=facts.uuid,
        state=state,
        memory=facts.memory_mib,
        vcpus=facts.vcpus,
        autostart=autostart,
        ip=address.ip,
        ssh_port=address.ssh_port,
        address_from=address.source,
        no_address=address.missing,
        accel=facts.accel,
        accel_reason=facts.reason,
        networks=facts.networks,
        disks=facts.disks,
        spec=facts.spec,
    )


def until_reachable(
    hypervisor: Hypervisor, name: str, limit_s: float, progress: Progress | None = None
) -> VmDetails:
    """Waits for the VM's SSH, and shows it. Raises TimedOut or MngrError; the VM stays."""
    asks = progress is not None

    def look() -> tuple[str, Address]:
        nonlocal asks
        now = show(hypervisor, name)
        if progress is not None:
            began = time.monotonic()
            at = stage.find(hypervisor, hypervisor.get(name)) if asks else ""
            asks = asks and time.monotonic() - began < SLOW_S  # an agent that hangs holds nobody up twice
            where = f"SSH at {now.ip} port {now.ssh_port}" if now.ip else f"an address: {now.no_address}"
            guest = f"cloud-init: {at}; " if at else ""
            progress(Step("booting", f"{guest}waiting for {where}", at_most_s=limit_s))
        return now.state, Address(now.ip, now.ssh_port, now.address_from, now.no_address)

    addresses.wait_for_ssh(hypervisor.clock, name, look, limit_s)
    return show(hypervisor, name)
