"""Changing a VM over HTTP."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from mngr.vms import look
from mngr.vms.resize import Change, resize
from mngr.vms.spec import LEAST_MIB, MOST_GIB, MOST_MIB, MOST_VCPUS
from mngr.vmservice.service import BUSY_S, Service, details
from mngr.vmservice.shapes import Name, Shape, VmDetails

_NAMES = {"memory_mib": "memory", "disk_gib": "diskSize"}


class VmChange(Shape):
    name: Name
    memory: Annotated[int | None, Field(ge=LEAST_MIB, le=MOST_MIB, description="MiB")] = None
    vcpus: Annotated[int | None, Field(ge=1, le=MOST_VCPUS)] = None
    diskSize: Annotated[int | None, Field(ge=1, le=MOST_GIB, description="GiB; it only grows")] = None
    autostart: Annotated[bool | None, Field(description="Whether it starts with libvirt")] = None


class VmChanged(VmDetails):
    atNextStart: Annotated[
        list[str], Field(description="What the VM has only once it was stopped and started: memory, vcpus")
    ]


def change(service: Service, asked: VmChange) -> VmChanged:
    hypervisor = service.settled(asked.name)
    wanted = Change(
        memory_mib=asked.memory, vcpus=asked.vcpus, disk_gib=asked.diskSize, autostart=asked.autostart
    )
    done = resize(hypervisor, asked.name, wanted, BUSY_S)
    late = [_NAMES.get(one, one) for one in done.at_next_start]
    shown = details(look.show(hypervisor, asked.name)).model_dump()
    return VmChanged(**shown, atNextStart=late)
