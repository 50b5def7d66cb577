"""The machine behind a VM: it boots, goes off and comes back with its disk and address, and ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mngr.qemu.command import Size
from mngr.simcloud.azure import catalog, disks, interfaces
from mngr.simcloud.azure.call import value_at
from mngr.simcloud.azure.catalog import SIZES
from mngr.simcloud.azure.operations import Operation
from mngr.simcloud.azure.records import Resource
from mngr.simcloud.azure.state import State
from mngr.simcloud.bill import Metered
from mngr.simcloud.faults import Fault
from mngr.simcloud.machines.base import MachineSpec


def boot(state: State, vm: Resource, operation: Operation, faults: Mapping[str, Fault]) -> None:
    """Make it; `operation` is held until it takes SSH."""
    id = vm.properties["vmId"]
    state.vms[id] = vm.key
    operation.held = "boot_never" not in faults

    def spec() -> MachineSpec | None:
        one = state.resources.get(vm.key)
        return _spec(state, one) if one else None

    def on(address: str) -> None:
        if state.change(vm.key, inner={"address": address, "booted": True}):
            _moved(state, vm, address)

    def up() -> None:
        operation.held = False

    state.machines.boot(id, 0, faults, spec=spec, on=on, up=up)


def switch(state: State, vm: Resource, act: str, operation: Operation) -> None:
    """halt, start or reboot it, if there is a machine; `operation` is held meanwhile. It goes off when half of the time is over, so that
    what has asked for that inside hears the answer."""
    if not vm.inner.get("booted"):
        return
    operation.held = True

    def done() -> None:
        operation.held = False

    half = (operation.started + operation.due) / 2 if act == "halt" else 0.0

    def switched(id: str) -> None:
        state.core.clock.wait_until(half, _Over(state, operation))
        getattr(state.core.machines, act)(id)

    state.machines.switch(vm.properties["vmId"], switched, done)


class _Over:
    """A `clock.Stop`: set once the operation has ended, or the cloud stops."""

    def __init__(self, state: State, operation: Operation) -> None:
        self._stopping = state.core.jobs.stopping
        self._operation = operation

    def is_set(self) -> bool:
        return self._stopping.is_set() or self._operation.ended is not None


def end(state: State, vm: Resource, kept: Resource | None) -> None:
    """Remove it; `kept` is a disk that stays, with what is on it."""
    id = vm.properties["vmId"]
    if kept and vm.inner.get("booted"):
        key = kept.properties["uniqueId"]

        def save() -> None:
            state.core.machines.save_disk(id, key)

        state.core.jobs.submit(id, save)
        state.change(kept.key, inner={"kept": key})
    state.vms.pop(id, None)
    state.machines.end(id)


def running(state: State, vm: Resource) -> None:
    """It runs, and costs money from now on."""
    location, size = vm.location, SIZES[vm.properties["hardwareProfile"]["vmSize"].lower()]
    spot = vm.properties.get("priority") in ("Spot", "Low")
    if not state.core.bill.runs(vm.id):
        rate = Metered(catalog.hour(size, location, spot))
        state.core.bill.open(vm.id, "virtualMachine", vm.name, vm.bill_tags(), rate)
    state.change(vm.key, state="Succeeded", inner={"power": "running"})
    disks.attach(state, os_disk(vm), vm.id)


def deallocated(state: State, vm: Resource, **inner: Any) -> None:
    """It costs no more than its disk and address."""
    state.core.bill.close(vm.id)
    state.change(vm.key, state="Succeeded", inner={"power": "deallocated", **inner})
    disks.rest(state, os_disk(vm))


def power_changed(state: State, id: str, on: bool) -> None:
    """It went off or on by itself. A stopped VM bills on. While an operation is at it, that says what it is."""
    vm = state.resources.get(state.vms.get(id, ""))
    if vm and vm.inner.get("power") in ("running", "stopped") and not state.operations.running(vm.id):
        state.change(vm.key, inner={"power": "running" if on else "stopped"})


def os_disk(vm: Resource) -> str:
    return vm.properties["storageProfile"]["osDisk"]["managedDisk"]["id"]


def public_address(state: State, vm: Resource) -> str:
    for nic in nics(state, vm):
        for address in interfaces.addresses(state, nic):
            return address.properties["ipAddress"]
    return ""


def nics(state: State, vm: Resource) -> list[Resource]:
    given = vm.properties["networkProfile"]["networkInterfaces"]
    found = [state.resources.get(value_at(one, "id", str, "").lower()) for one in given]
    return [one for one in found if one]


def _moved(state: State, vm: Resource, address: str) -> None:
    """A test's own machine has another address than its public IP had: it is the IP's from now on."""
    for nic in nics(state, vm):
        for one in interfaces.addresses(state, nic):
            if one.properties["ipAddress"] != address:
                state.change(one.key, properties={"ipAddress": address})


def _spec(state: State, vm: Resource) -> MachineSpec:
    size = SIZES[vm.properties["hardwareProfile"]["vmSize"].lower()]
    inner = vm.inner
    return MachineSpec(
        id=vm.properties["vmId"],
        hostname=inner["hostname"],
        image=inner["image"] or "stock",
        disk=inner["source"] or None,
        user_data=inner["user_data"],
        ssh_keys=inner["keys"],
        address=public_address(state, vm),
        user=inner["user"],
        size=Size(size.cores, int(size.memory_gb * 1024), inner["gigabytes"]),
    )
