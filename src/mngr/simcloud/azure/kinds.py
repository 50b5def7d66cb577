"""Every kind of resource that there is, by its type."""

from __future__ import annotations

from typing import Any

from mngr.simcloud.azure import disks, firewall, images, interfaces, networks, vms
from mngr.simcloud.azure.records import Resource
from mngr.simcloud.azure.resources import Kind
from mngr.simcloud.azure.state import State

KINDS: tuple[Kind, ...] = (
    vms.VM,
    disks.DISK,
    *images.KINDS,
    interfaces.INTERFACE,
    interfaces.ADDRESS,
    networks.NETWORK,
    firewall.GROUP,
)
NESTED = (firewall.RULE, networks.SUBNET)
_BY_TYPE = {kind.type.lower(): kind for kind in KINDS}


def of(one: Resource) -> Kind:
    return _BY_TYPE[one.type.lower()]


def view(state: State, one: Resource) -> dict[str, Any]:
    return of(one).view(state, one)
