"""Snapshots over HTTP."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mngr.vms import look
from mngr.vms import snapshots as of_vms
from mngr.vmservice.service import Service
from mngr.vmservice.shapes import NAME, Name, Shape

SnapshotName = Annotated[
    str, Field(pattern=NAME, examples=["before-upgrade"], description="Letters, digits, - and _; at most 63")
]


class VmRef(Shape):
    vm: Name


class SnapshotCreate(VmRef):
    name: SnapshotName


class SnapshotRef(VmRef):
    snapshot: SnapshotName


class Snapshot(Shape):
    name: str
    state: Annotated[str, Field(description="The VM's when it was taken")]
    createdAt: Annotated[str, Field(description="UTC")]
    current: Annotated[bool, Field(description="Whether the VM goes on from this one")]


class Snapshots(Shape):
    vm: str
    snapshots: list[Snapshot]


class SnapshotStatus(Shape):
    status: Literal["restored", "deleted"]
    vm: str
    snapshot: str
    state: Annotated[str, Field(description="The VM's now")]


def list_(service: Service, asked: VmRef) -> Snapshots:
    found = of_vms.list_(service.settled(asked.vm), asked.vm)
    return Snapshots(vm=asked.vm, snapshots=[_shape(one) for one in found])


def create(service: Service, asked: SnapshotCreate) -> Snapshot:
    return _shape(of_vms.create(service.settled(asked.vm), asked.vm, asked.name))


def restore(service: Service, asked: SnapshotRef) -> SnapshotStatus:
    hypervisor = service.settled(asked.vm)
    of_vms.restore(hypervisor, asked.vm, asked.snapshot)
    state = look.show(hypervisor, asked.vm).state
    return SnapshotStatus(status="restored", vm=asked.vm, snapshot=asked.snapshot, state=state)


def delete(service: Service, asked: SnapshotRef) -> SnapshotStatus:
    hypervisor = service.settled(asked.vm)
    of_vms.delete(hypervisor, asked.vm, asked.snapshot)
    state = look.show(hypervisor, asked.vm).state
    return SnapshotStatus(status="deleted", vm=asked.vm, snapshot=asked.snapshot, state=state)


def _shape(one: of_vms.Snapshot) -> Snapshot:
    return Snapshot(name=one.name, state=one.state, createdAt=one.created_at, current=one.current)
