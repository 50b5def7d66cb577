"""libvirt's networks: NAT or isolated ones with DHCP, each on a bridge that libvirt makes. https://libvirt.org/formatnetwork.html"""

from __future__ import annotations

import ipaddress
import xml.etree.ElementTree as ET
from contextlib import suppress
from functools import partial
from ipaddress import IPv4Network
from typing import Any

import msgspec

from mngr.model.errors import Conflict, InvalidInput, MngrError
from mngr.model.names import check_name
from mngr.vms import defined, library
from mngr.vms import domain as xml
from mngr.vms.hypervisor import Hypervisor
from mngr.vms.spec import BRIDGE, USER_NETWORK

NAT, ISOLATED = "nat", "isolated"
MODES = (NAT, ISOLATED)
#: Where a network is put that asks for no addresses: the first of 192.168.100.0/24 to 192.168.249.0/24 that is free.
OURS = [IPv4Network(f"192.168.{third}.0/24") for third in range(100, 250)]
_PRIVATE = [IPv4Network(one) for one in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")]


class InUse(Conflict):
    """This computer has such addresses itself."""


class Network(msgspec.Struct, frozen=True, kw_only=True):
    """`mode`: nat, isolated, or another of libvirt's words. `cidr`: "" without IPv4 addresses. `bridge`: "" where it has none yet.
    `vms`: those that are defined with it."""

    name: str
    mode: str
    cidr: str
    bridge: str
    active: bool
    autostart: bool
    vms: tuple[str, ...]


def list_(hypervisor: Hypervisor) -> list[Network]:
    """By name. What a killed create has left is cleared away first."""
    defined.sweep(hypervisor, KIND)
    users = _users(hypervisor)
    with library.doing("list networks"):
        found = [_read(one, users) for one in hypervisor.conn.listAllNetworks()]
    return sorted(found, key=lambda one: one.name)


def show(hypervisor: Hypervisor, name: str) -> Network:
    """Raises NotFound."""
    with library.doing(f"read network {name}"):
        return _read(defined.get(hypervisor, KIND, name), _users(hypervisor))


def create(
    hypervisor: Hypervisor, name: str, mode: str = NAT, cidr: str = "", autostart: bool = True
) -> tuple[Network, bool]:
    """Defines and starts one; with DHCP for all of its addresses but the first, which is this computer's. False if it was there with
    these values: then it is only started. Without `cidr` free addresses are taken.

    Raises InvalidInput; Conflict (a network of that name with other values, addresses that are in use, another mngr at work on it).
    A killed create leaves nothing once somebody looks.
    """
    wanted = _checked(name, mode, cidr)
    with defined.hold(hypervisor, KIND, name) as held:
        if (there := defined.find(hypervisor, KIND, name)) is not None:
            _check_same(_read(there, {}), mode, wanted, autostart)
            start(hypervisor, name)
            return show(hypervisor, name), False
        taken = _taken(hypervisor)
        while True:
            choice = _free(wanted, taken)
            try:
                defined.make(hypervisor, KIND, held, name, autostart, partial(_xml, name, mode, choice))
                break
            except InUse:  # this computer's own: libvirt says so at a start only
                if wanted:
                    raise
                taken[f"this computer, {choice}"] = choice
    return show(hypervisor, name), True


def delete(hypervisor: Hypervisor, name: str) -> None:
    """Ends a network and has libvirt forget it. Repeatable until it is gone. Raises NotFound; Conflict if a VM is defined with it."""
    defined.get(hypervisor, KIND, name)
    if users := _users(hypervisor).get(name):
        raise Conflict(
            f"network {name} is that of {'VM' if len(users) == 1 else 'VMs'} {', '.join(users)}",
            hint="delete them first, or leave it",
        )
    defined.remove(hypervisor, KIND, name)


def start(hypervisor: Hypervisor, name: str) -> bool:
    """False if it was started. Raises NotFound; Conflict where its addresses are in use."""
    return defined.start(hypervisor, KIND, name)


def stop(hypervisor: Hypervisor, name: str) -> bool:
    """VMs that run with it lose it, until they are started anew. False if it was stopped. Raises NotFound."""
    network = defined.get(hypervisor, KIND, name)
    with library.doing(f"stop network {name}"):
        if not network.isActive():
            return False
        network.destroy()
    return True


# --- its parts ----------------------------------------------------------------------------------------------------


def _checked(name: str, mode: str, cidr: str) -> IPv4Network | None:
    check_name(name, "network name")
    if name == USER_NETWORK:
        raise InvalidInput(f"network name {name!r} is QEMU's own network's", hint="give another name")
    if mode not in MODES:
        raise InvalidInput(
            f"network mode {mode[:40]!r} isn't known", hint=f"{NAT}, or {ISOLATED}: without a way out"
        )
    if not cidr:
        return None
    try:
        wanted = IPv4Network(cidr)
    except ValueError as problem:
        raise InvalidInput(
            f"addresses {cidr[:80]!r} can't be used: {problem}", hint="such as 192.168.150.0/24"
        ) from None
    if not 16 <= wanted.prefixlen <= 29:
        raise InvalidInput(f"addresses {cidr} are too many or too few", hint="a prefix of /16 to /29")
    if not any(wanted.subnet_of(one) for one in _PRIVATE):
        raise InvalidInput(
            f"addresses {cidr} aren't private ones", hint=f"a part of {', '.join(map(str, _PRIVATE))}"
        )
    return wanted


def _free(wanted: IPv4Network | None, taken: dict[str, IPv4Network]) -> IPv4Network:
    for choice in [wanted] if wanted else OURS:
        used = [f"network {name} ({one})" for name, one in taken.items() if one.overlaps(choice)]
        if not used:
            return choice
        if wanted:
            raise Conflict(
                f"addresses {wanted} are those of {', '.join(used)}, too", hint="give others, or none"
            )
    raise Conflict("no addresses are free", hint="name some, such as 10.44.0.0/24")


def _start(hypervisor: Hypervisor, network: Any) -> None:
    name = network.name()
    try:
        network.create()
    except hypervisor.libvirt.libvirtError as error:
        said = str(error)
        if "already in use" in said:
            raise InUse(
                f"the addresses of network {name} are in use here: {said}", hint="give others"
            ) from None
        if "dnsmasq" in said:
            raise MngrError(
                f"network {name} doesn't start: {said}", hint="`apt install dnsmasq-base`"
            ) from None
        raise


def _taken(hypervisor: Hypervisor) -> dict[str, IPv4Network]:
    with library.doing("list networks"):
        found = {one.name(): _cidr(ET.fromstring(one.XMLDesc())) for one in hypervisor.conn.listAllNetworks()}
    return {name: IPv4Network(cidr) for name, cidr in found.items() if cidr}


def _users(hypervisor: Hypervisor) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for _, text in hypervisor.vms():
        facts = xml.read(text)
        for one in set(facts.networks) - {USER_NETWORK}:
            if not one.startswith(BRIDGE):
                found[one] = tuple(sorted({*found.get(one, ()), facts.name}))
    return found


KIND = defined.Kind(
    word="network", verb="network", calls="network", missing=43, used=_users, begin=_start,
    hint="`mngr vm network list` shows them, `mngr vm network create` makes one",
)  # fmt: skip


def _check_same(there: Network, mode: str, cidr: IPv4Network | None, autostart: bool) -> None:
    pairs = [("mode", there.mode, mode), ("autostart", there.autostart, autostart)]
    pairs += [("addresses", there.cidr, str(cidr))] if cidr else []
    if other := [f"{what} {old}, not {new}" for what, old, new in pairs if old != new]:
        raise Conflict(
            f"network {there.name} is there with {'; '.join(other)}", hint="give yours another name"
        )


def _xml(name: str, mode: str, cidr: IPv4Network, id: str) -> str:
    network = ET.Element("network")
    ET.SubElement(network, "name").text = name
    ET.SubElement(network, "uuid").text = id
    if mode == NAT:
        ET.SubElement(network, "forward", mode="nat")
    first, *_, last = (str(one) for one in cidr.hosts())
    ip = ET.SubElement(network, "ip", address=first, netmask=str(cidr.netmask))
    dhcp = ET.SubElement(ip, "dhcp")
    ET.SubElement(dhcp, "range", start=str(cidr.network_address + 2), end=last)
    return ET.tostring(network, encoding="unicode")


def _read(network: Any, users: dict[str, tuple[str, ...]]) -> Network:
    root = ET.fromstring(network.XMLDesc())
    forward, bridge = root.find("forward"), root.find("bridge")
    return Network(
        name=network.name(),
        mode=ISOLATED if forward is None else forward.get("mode", NAT),
        cidr=_cidr(root),
        bridge=bridge.get("name", "") if bridge is not None else "",
        active=bool(network.isActive()),
        autostart=defined.is_autostarted(network),
        vms=users.get(network.name(), ()),
    )


def _cidr(root: ET.Element) -> str:
    for ip in root.iterfind("ip"):
        with suppress(ValueError):
            mask = ip.get("prefix") or ip.get("netmask") or "32"
            return str(ipaddress.IPv4Network(f"{ip.get('address')}/{mask}", strict=False))
    return ""
