"""libvirt's storage pools over HTTP."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mngr.vms import pools
from mngr.vmservice.service import Service
from mngr.vmservice.shapes import NAME, Nothing, Shape

PoolName = Annotated[
    str, Field(pattern=NAME, examples=["fast"], description="Letters, digits, - and _; at most 63")
]


class PoolRef(Shape):
    pool: PoolName


class PoolCreate(Shape):
    name: PoolName
    path: Annotated[
        str,
        Field(
            max_length=1024,
            examples=["/srv/vms"],
            description="A folder of the hypervisor's; made if it isn't there",
            json_schema_extra={"pattern": "^(/[A-Za-z0-9_-]{1,64}){1,8}$"},
        ),
    ]
    autostart: bool = True


class Pool(Shape):
    name: str
    kind: Annotated[str, Field(description="dir: a folder")]
    path: str
    active: bool
    autostart: bool
    capacity: Annotated[int, Field(description="Bytes")]
    available: Annotated[int, Field(description="Bytes")]
    vms: Annotated[list[str], Field(description="Those with a disk in it")]


class Pools(Shape):
    pools: list[Pool]


class PoolStatus(Shape):
    status: Literal["deleted"] = "deleted"
    pool: str


def list_(service: Service, asked: Nothing) -> Pools:
    return Pools(pools=[_shape(one) for one in pools.list_(service.hypervisor())])


def show(service: Service, asked: PoolRef) -> Pool:
    return _shape(pools.show(service.hypervisor(), asked.pool))


def create(service: Service, asked: PoolCreate) -> Pool:
    made, _ = pools.create(service.hypervisor(), asked.name, asked.path, asked.autostart)
    return _shape(made)


def delete(service: Service, asked: PoolRef) -> PoolStatus:
    pools.delete(service.hypervisor(), asked.pool)
    return PoolStatus(pool=asked.pool)


def _shape(one: pools.Pool) -> Pool:
    return Pool(
        name=one.name, kind=one.kind, path=one.path, active=one.active, autostart=one.autostart, capacity=one.capacity,
        available=one.available, vms=list(one.vms),
    )  # fmt: skip
