"""libvirt's networks over HTTP."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mngr.vms import networks
from mngr.vmservice.service import Service
from mngr.vmservice.shapes import NAME, Nothing, Shape

_OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
#: Those that OpenAPI tells of; others are taken, too, which a pattern can't say.
PRIVATE = rf"^(10[.]{_OCTET}|192[.]168|172[.](1[6-9]|2[0-9]|3[01]))[.]{_OCTET}[.]0/24$"

NetworkName = Annotated[
    str, Field(pattern=NAME, examples=["lab"], description="Letters, digits, - and _; at most 63")
]


class NetworkRef(Shape):
    network: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$", description="Its name")]


class NetworkCreate(Shape):
    name: NetworkName
    mode: Annotated[Literal["nat", "isolated"], Field(description="isolated: without a way out")] = "nat"
    cidr: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=18,
            examples=["192.168.150.0/24"],
            description="Private IPv4 addresses; default: free ones",
            json_schema_extra={"pattern": PRIVATE},
        ),
    ] = None
    autostart: bool = True


class Network(Shape):
    name: str
    mode: str
    cidr: str | None
    bridge: Annotated[str | None, Field(description="The hypervisor's, while it is started")]
    active: bool
    autostart: bool
    vms: Annotated[list[str], Field(description="Those that are defined with it")]


class Networks(Shape):
    networks: list[Network]


class NetworkStatus(Shape):
    status: Literal["started", "stopped", "deleted"]
    network: str


def list_(service: Service, asked: Nothing) -> Networks:
    return Networks(networks=[_shape(one) for one in networks.list_(service.hypervisor())])


def show(service: Service, asked: NetworkRef) -> Network:
    return _shape(networks.show(service.hypervisor(), asked.network))


def create(service: Service, asked: NetworkCreate) -> Network:
    made, _ = networks.create(service.hypervisor(), asked.name, asked.mode, asked.cidr or "", asked.autostart)
    return _shape(made)


def start(service: Service, asked: NetworkRef) -> NetworkStatus:
    networks.start(service.hypervisor(), asked.network)
    return NetworkStatus(status="started", network=asked.network)


def stop(service: Service, asked: NetworkRef) -> NetworkStatus:
    networks.stop(service.hypervisor(), asked.network)
    return NetworkStatus(status="stopped", network=asked.network)


def delete(service: Service, asked: NetworkRef) -> NetworkStatus:
    networks.delete(service.hypervisor(), asked.network)
    return NetworkStatus(status="deleted", network=asked.network)


def _shape(one: networks.Network) -> Network:
    return Network(
        name=one.name, mode=one.mode, cidr=one.cidr or None, bridge=one.bridge or None, active=one.active,
        autostart=one.autostart, vms=list(one.vms),
    )  # fmt: skip
