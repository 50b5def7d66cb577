"""What VMs take, of all of them in one call of libvirt's."""

from __future__ import annotations

import msgspec

from mngr.vms import library, states
from mngr.vms.hypervisor import Hypervisor


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """Of one VM. Memory in bytes, processor time in seconds since it was started."""

    name: str
    state: str
    memory: int
    vcpus: int
    cpu_s: float


def figures(hypervisor: Hypervisor) -> list[Figures]:
    """By name. libvirt's fake hypervisor, which has no such figures, is asked for each VM's."""
    libvirt = hypervisor.libvirt
    wanted = (
        libvirt.VIR_DOMAIN_STATS_STATE | libvirt.VIR_DOMAIN_STATS_BALLOON | libvirt.VIR_DOMAIN_STATS_VCPU
        | libvirt.VIR_DOMAIN_STATS_CPU_TOTAL
    )  # fmt: skip
    found = []
    with library.doing("read what VMs take"):
        for domain, facts in hypervisor.conn.getAllDomainStats(wanted):
            memory, vcpus, cpu_ns = (
                facts.get("balloon.maximum"),
                facts.get("vcpu.current"),
                facts.get("cpu.time", 0),
            )
            if memory is None or vcpus is None:
                _, memory, _, vcpus, cpu_ns = domain.info()
            found.append(
                Figures(
                    name=domain.name(), state=states.named(facts.get("state.state", 0)), memory=memory * 1024, vcpus=vcpus,
                    cpu_s=cpu_ns / 1e9,
                )
            )  # fmt: skip
    return sorted(found, key=lambda one: one.name)
