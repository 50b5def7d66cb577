"""A VM's power: deallocate, start, powerOff, restart; and eviction, which is Azure's own doing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mngr.simcloud.azure import activity, machine, vms
from mngr.simcloud.azure.call import Call
from mngr.simcloud.azure.records import Resource
from mngr.simcloud.azure.resources import busy, failed
from mngr.simcloud.azure.state import State
from mngr.simcloud.azure.vm_create import TYPE
from mngr.simcloud.azure.vm_view import instance_view
from mngr.simcloud.azure.words import refuse
from mngr.simcloud.http import Response

EVICT = f"{TYPE}/evictSpotVM/action"
STEADY = {"starting": "deallocated", "stopping": "running", "deallocating": "running"}
"""What a VM was before an operation that has not ended."""


def view(state: State, call: Call) -> dict[str, Any]:
    return instance_view(state, state.find(call.path.rpartition("/")[0], call.as_of))


def deallocate(state: State, call: Call) -> Response:
    return _act(state, call, "deallocating", "halt", lambda vm: machine.deallocated(state, vm))


def power_off(state: State, call: Call) -> Response:
    """The system goes off; the VM bills on."""
    vm = _vm(state, call)
    if vm.inner.get("power") == "deallocated":
        return _act(state, call, "deallocated", "", lambda vm: None)
    return _act(state, call, "stopping", "halt", lambda vm: _set(state, vm, "stopped"))


def start(state: State, call: Call) -> Response:
    vm = _vm(state, call)
    if vm.inner.get("power") == "running":
        return _act(state, call, "running", "", lambda vm: None)
    size = vm.properties["hardwareProfile"]["vmSize"].lower()
    full = vm.inner.get("power") == "deallocated" and state.market.has(vm.location, size) != "ok"
    return _act(
        state,
        call,
        "starting",
        "start",
        lambda vm: machine.running(state, vm),
        "AllocationFailed" if full else "",
    )


def restart(state: State, call: Call) -> Response:
    if _vm(state, call).inner.get("power") == "deallocated":
        raise refuse(
            409, "OperationNotAllowed", "Operation 'restart' is not allowed since the VM is deallocated."
        )
    return _act(state, call, "running", "reboot", lambda vm: _set(state, vm, "running"))


def redeploy(state: State, call: Call) -> Response:
    return restart(state, call)


def generalize(state: State, call: Call) -> Response:
    """Marks it as a source of images. It can't be started any more."""
    vm = _vm(state, call)
    if vm.inner.get("power") not in ("deallocated", "stopped"):
        raise refuse(
            409, "OperationNotAllowed", "Operation 'generalize' is not allowed since the VM is running."
        )
    state.change(vm.key, inner={"generalized": True})
    return Response(200)


def simulate_eviction(state: State, call: Call) -> Response:
    vm = _vm(state, call)
    if vm.properties.get("priority") not in ("Spot", "Low"):
        raise refuse(409, "OperationNotAllowed", "Operation 'simulateEviction' is only allowed for Spot VMs.")
    evict(state, vm)
    return Response(204)


def evict(state: State, vm: Resource) -> None:
    """Give notice; what becomes of it then is `catch_up`'s."""
    state.change(vm.key, inner={"evict_at": state.now() + state.behaviour.eviction_notice_s})
    state.evicting.add(vm.key)


def catch_up(state: State) -> None:
    """Evict what has had its notice. Under the core's lock."""
    for key in list(state.evicting):
        vm = state.resources.get(key)
        if vm is None or vm.state == "Deleting":
            state.evicting.discard(key)
        elif vm.inner["evict_at"] <= state.now():
            state.evicting.discard(key)
            state.operations.preempt(vm.id)
            state.tell(activity.PLATFORM, EVICT, vm.id, "Succeeded")
            _evicted(state, vm)


def _evicted(state: State, vm: Resource) -> None:
    if vm.properties.get("evictionPolicy") == "Delete":
        vms.VM.remove(state, vm.key)
        return
    if vm.inner.get("booted"):
        state.machines.switch(vm.properties["vmId"], state.core.machines.halt, lambda: None)
    machine.deallocated(state, vm, evict_at=0)


def _act(
    state: State, call: Call, meanwhile: str, act: str, then: Callable[[Resource], Any], code: str = ""
) -> Response:
    """`act` is what the machine does, "" nothing; `code`: it fails so, and stays as it was."""
    vm = _vm(state, call)
    if vm.inner.get("generalized") and act == "start":
        raise refuse(
            409,
            "OperationNotAllowed",
            f"Operation 'start' is not allowed on VM '{vm.name}' since the VM is generalized.",
        )
    before = STEADY.get(vm.inner.get("power", ""), vm.inner.get("power", ""))
    state.operations.preempt(vm.id)
    if fault := call.request.faults.pop("late_failure", None):
        code = fault.how or ("AllocationFailed" if act == "start" else "InternalExecutionError")
    if act:
        state.change(vm.key, state="Updating", inner={"power": meanwhile})

    def finish() -> None:
        one = state.resources.get(vm.key)
        if one is None:
            return
        if code:
            message = vms.LATE.get(code, "An internal execution error occurred. Please retry later.")
            why = {"code": code, "message": message}
            state.change(vm.key, state="Failed", inner={"power": before, "failure": why})
            raise failed(code, message)
        then(one)

    seconds = (state.behaviour.start_s if act == "start" else state.behaviour.stop_s) if act else 0
    operation, response = state.operations.begin(call, vm.id, seconds, finish, status=202)
    if act and not code:
        machine.switch(state, vm, act, operation)
    return response


def _set(state: State, vm: Resource, power: str) -> None:
    state.change(vm.key, state="Succeeded", inner={"power": power})


def _vm(state: State, call: Call) -> Resource:
    id = call.path.rpartition("/")[0]
    busy(state, id)
    return state.find(id)
