"""Where a VM is reached: a forwarded port, else what the network's DHCP server, the guest agent or the ARP table know."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

from mngr.model.clock import Clock
from mngr.model.errors import TimedOut
from mngr.model.waiting import looks
from mngr.qemu.ssh import has_banner
from mngr.vms import states
from mngr.vms.domain import Domain
from mngr.vms.hypervisor import Hypervisor

SSH = 22
AGENT_S = 2
"""So long a guest agent may take: one that hangs holds nobody up."""


@dataclass(frozen=True)
class Address:
    """`ip` and the port of its SSH; `source` is forward, lease, agent or arp. Without one `missing` is the reason."""

    ip: str = ""
    ssh_port: int = 0
    source: str = ""
    missing: str = ""


def find(hypervisor: Hypervisor, domain: Any, facts: Domain, state: str) -> Address:
    """Looks once, and doesn't wait; what a source can't tell is taken as not known there."""
    if state != states.RUNNING:
        return Address(missing=f"it is {state}")
    if facts.port:
        return Address(facts.address, facts.port, "forward")
    if not facts.networks:
        return Address(missing="it has no network card")
    libvirt = hypervisor.libvirt
    sources = (
        ("lease", libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_LEASE),
        ("agent", libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_AGENT),
        ("arp", libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_ARP),
    )
    for name, number in sources:
        try:
            if name == "agent" and hasattr(domain, "agentSetResponseTimeout"):
                domain.agentSetResponseTimeout(AGENT_S)
            if ip := _usable(domain.interfaceAddresses(number)):
                return Address(ip, SSH, name)
        except libvirt.libvirtError:
            continue
    return Address(
        missing="no lease in its network, no answer of a guest agent, and the ARP table doesn't know its card"
    )


def wait_for_ssh(clock: Clock, name: str, look: Callable[[], tuple[str, Address]], limit_s: float) -> Address:
    """Waits until the VM's SSH answers. `look` says its state and address. Raises TimedOut with what was missing, also,
    and at once, if the VM ends meanwhile; the VM stays in both cases."""
    last = Address()
    began = time.monotonic()
    for _ in looks(clock, limit_s):
        state, last = look()
        if state in states.OFF:
            raise TimedOut(
                f"VM {name} is {state}, {time.monotonic() - began:.0f} s after it was started",
                hint=f"its console may say why: `virsh console {name}` after `mngr vm start {name}`",
            )
        if last.ip and has_banner(last.ip, last.ssh_port):
            return last
    why = last.missing or f"nothing speaks SSH at {last.ip} port {last.ssh_port}"
    raise TimedOut(
        f"VM {name} wasn't reachable by SSH within {limit_s:g} s: {why}",
        hint=f"it goes on: `mngr vm show {name}` looks again, `mngr vm delete {name}` removes it",
    )


def _usable(interfaces: dict[str, Any]) -> str:
    """The first address that isn't the guest's own loopback or a link's; IPv4 before IPv6. The agent says None for none, and
    what is no address isn't taken for one: a guest may say anything."""
    found: list[IPv4Address | IPv6Address] = []
    for card in interfaces.values():
        for one in card.get("addrs") or ():
            with suppress(ValueError):
                found.append(ip_address(one.get("addr") or ""))
    found = [
        ip for ip in found if not (ip.is_loopback or ip.is_link_local or ip.is_multicast or ip.is_unspecified)
    ]
    return str(min(found, key=lambda ip: ip.version)) if found else ""
