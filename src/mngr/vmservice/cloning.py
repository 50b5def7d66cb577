"""Clones over HTTP."""

from __future__ import annotations

from mngr.vms import look, remove
from mngr.vms.clone import clone as make
from mngr.vmservice.service import BUSY_S, Service, details
from mngr.vmservice.shapes import Name, Shape, VmDetails


class VmClone(Shape):
    vm: Name
    name: Name


def clone(service: Service, asked: VmClone) -> VmDetails:
    hypervisor = service.settled(asked.vm)
    remove.clear(hypervisor, asked.name)
    make(hypervisor, asked.vm, asked.name, BUSY_S)
    return details(look.show(hypervisor, asked.name))
