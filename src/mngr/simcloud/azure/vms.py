"""Virtual machines: made, shown, listed, deleted with what is to go with them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from mngr.simcloud.azure import disks, interfaces, machine, providers, vm_create
from mngr.simcloud.azure.call import Call, value_at
from mngr.simcloud.azure.records import Resource
from mngr.simcloud.azure.resources import Kind, base, busy, failed, preconditions
from mngr.simcloud.azure.state import State
from mngr.simcloud.azure.vm_create import NAME, TYPE
from mngr.simcloud.azure.vm_record import identity, make
from mngr.simcloud.azure.vm_view import instance_view
from mngr.simcloud.azure.words import refuse
from mngr.simcloud.http import Response

LATE = {
    "AllocationFailed": "Allocation failed. We do not have sufficient capacity for the requested VM size in this region. Read "
    "more about improving likelihood of allocation success at https://aka.ms/allocation-guidance.",
    "ZonalAllocationFailed": "Allocation failed. We do not have sufficient capacity for the requested VM size in this zone. Read "
    "more about improving likelihood of allocation success at https://aka.ms/allocation-guidance.",
    "OverconstrainedAllocationRequest": "Allocation failed. VM(s) with the following constraints cannot be allocated, because the "
    "condition is too restrictive. Please remove some constraints and try again.",
    "OSProvisioningTimedOut": "OS Provisioning for VM did not finish in the allotted time. The VM may still finish provisioning "
    "successfully. Please check provisioning state later.",
}
"""What a late failure may be called (`how` of the fault)."""
UPDATABLE = ("hardwareProfile", "diagnosticsProfile", "billingProfile", "priority", "evictionPolicy")


def _never(*given: Any) -> Resource:
    raise NotImplementedError


@dataclass(frozen=True)
class Vms(Kind):
    def put(self, state: State, call: Call) -> Response:
        state.open_group(call.id.group)
        providers.require(state, TYPE)
        present = state.resources.get(call.path.lower())
        preconditions(call, present)
        busy(state, call.path)
        if present is None:
            asked = vm_create.read(state, call)
            return self._provision(state, call, make(state, call, asked), 201)
        operation = state.operations.running(present.id)
        if operation and present.state == "Creating":  # the same PUT, repeated
            return Response(201, self.view(state, present), state.operations.headers(call, operation))
        changed = _updated(state, call, present)
        if not present.inner.get("booted"):  # it failed: this tries again
            size = changed.properties["hardwareProfile"]["vmSize"]
            if state.market.has(changed.location, size.lower()) in ("none", "restricted"):
                raise vm_create.no_capacity(size, changed.location)
            return self._provision(state, call, changed, 200)
        return self._update(state, call, changed)

    def patch(self, state: State, call: Call) -> Response:
        present = state.find(call.path)
        busy(state, call.path)
        return self._update(state, call, _updated(state, call, present))

    def get(self, state: State, call: Call) -> dict[str, Any]:
        vm = state.find(call.path, call.as_of)
        view = self.view(state, vm)
        if "instanceview" in (call.request.first("$expand") or "").lower():
            view["properties"]["instanceView"] = instance_view(state, vm)
        return view

    def list(self, state: State, call: Call) -> dict[str, Any]:
        """`$expand=instanceView` is for the VMs of a scale set only; `statusOnly=true`, of a whole subscription, shows power states."""
        group, status = (
            call.parts.get("group", ""),
            (call.request.first("statusOnly") or "").lower() == "true",
        )
        if call.request.first("$expand") and "virtualMachineScaleSet" not in (
            call.request.first("$filter") or ""
        ):
            raise refuse(
                400,
                "InvalidParameter" if group else "BadRequest",
                "The expand query option 'instanceView' is only supported with a filter on 'virtualMachineScaleSet/id'.",
                target="$expand",
            )
        if not (group and status):
            found = super().list(state, call)
            if status:
                by_id = {one.id: one for one in state.of(TYPE, "", call.as_of)}
                for view in found["value"]:
                    view["properties"]["instanceView"] = {
                        "statuses": instance_view(state, by_id[view["id"]])["statuses"]
                    }
            return found
        raise refuse(
            400,
            "BadRequest",
            "The statusOnly query option is only supported for a whole subscription or location.",
        )

    def delete(self, state: State, call: Call) -> Response:
        state.group(call.id.group)
        vm = state.resources.get(call.path.lower())
        if vm is None:
            return Response(204)
        if vm.state == "Deleting" and (operation := state.operations.running(vm.id)):
            return Response(202, None, state.operations.headers(call, operation))
        state.operations.preempt(vm.id)
        state.change(vm.key, state="Deleting")
        seconds = state.behaviour.delete_vm_s
        _, response = state.operations.begin(
            call, vm.id, seconds, lambda: self.remove(state, vm.key), status=202
        )
        return response

    def remove(self, state: State, key: str) -> None:
        """Its NICs, their addresses and its disk go with it where their deleteOption says so; its role assignments stay."""
        vm = state.resources.get(key)
        if vm is None:
            return
        state.resources.remove(key)
        state.core.bill.close(vm.id)
        disk = state.resources.get(machine.os_disk(vm).lower())
        goes = vm.properties["storageProfile"]["osDisk"]["deleteOption"] == "Delete"
        machine.end(state, vm, None if goes else disk)
        if disk:
            disks.detach(state, disk.key)
            if goes:
                disks.DISK.remove(state, disk.key)
        for nic in machine.nics(state, vm):
            left = {
                name: value
                for name, value in nic.properties.items()
                if name not in ("virtualMachine", "macAddress", "primary")
            }
            state.resources.change(nic.key, properties=left)
            if nic.key in vm.inner["delete_nics"]:
                _remove_nic(state, nic)
        if who := value_at(vm.more, "identity.principalId", str, ""):
            state.principals.remove(who)

    def _provision(self, state: State, call: Call, vm: Resource, status: int) -> Response:
        """Boot its machine, or fail late."""
        size = vm.properties["hardwareProfile"]["vmSize"].lower()
        fault = call.request.faults.pop("late_failure", None)
        late = (fault.how or "AllocationFailed") if fault else ""
        if not late and state.market.has(vm.location, size) == "late":
            late = "AllocationFailed"
        never = "boot_never" in call.request.faults
        wait = (
            state.behaviour.provision_limit_s
            if never
            else state.behaviour.fail_s
            if late
            else state.behaviour.create_vm_s
        )
        code = "OSProvisioningTimedOut" if never else late
        state.change(vm.key, state="Creating" if status == 201 else "Updating")

        def finish() -> dict[str, Any]:
            disks.attach(state, machine.os_disk(vm), vm.id)
            if code == "OSProvisioningTimedOut":
                machine.running(state, state.find(vm.id))
            if code:
                message = LATE.get(code, "The operation failed.")
                state.change(vm.key, state="Failed", inner={"failure": {"code": code, "message": message}})
                raise failed(code, message)
            machine.running(state, state.find(vm.id))
            return self.view(state, state.find(vm.id))

        view = self.view(state, state.find(vm.id))
        operation, response = state.operations.begin(call, vm.id, wait, finish, status=status, body=view)
        if code in ("", "OSProvisioningTimedOut"):
            machine.boot(state, vm, operation, call.request.faults)
        return response

    def _update(self, state: State, call: Call, changed: Resource) -> Response:
        state.resources.put(changed.key, replace(changed, state="Updating"))
        state.core.bill.change(changed.id, tags=changed.bill_tags())

        view = self.view(state, state.find(changed.id))
        return state.operations.begin(
            call,
            changed.id,
            state.behaviour.network_s,
            lambda: self.settled(state, changed.key),
            status=200,
            body=view,
        )[1]


def _updated(state: State, call: Call, present: Resource) -> Resource:
    changed = base(state, call, TYPE, present, NAME) if call.request.method == "PUT" else present
    if "tags" in call.body:
        changed = replace(changed, tags=call.tags())
    properties = dict(changed.properties)
    for name in UPDATABLE:
        if (value := call.at(f"properties.{name}", object)) is not None:
            properties[name] = value
    if (
        call.at("properties.hardwareProfile.vmSize")
        and call.at("properties.hardwareProfile.vmSize").lower() not in vm_create.SIZES
    ):
        vm_create.read(state, call)
    if call.at("properties.osProfile.adminUsername", default=present.inner["user"]) != present.inner["user"]:
        raise refuse(
            409,
            "PropertyChangeNotAllowed",
            "Changing property 'osProfile.adminUsername' is not allowed.",
            target="osProfile.adminUsername",
        )
    more = {**changed.more, **identity(state, call, changed)} if "identity" in call.body else changed.more
    return replace(changed, properties=properties, more=more)


def _remove_nic(state: State, nic: Resource) -> None:
    doomed = [
        state.resources.get(value_at(one, "properties.publicIPAddress.id", str, "").lower())
        for one in nic.properties["ipConfigurations"]
        if value_at(one, "properties.publicIPAddress.properties.deleteOption", str, "") == "Delete"
    ]
    interfaces.INTERFACE.remove(state, nic.key)
    for address in doomed:
        if address:
            interfaces.ADDRESS.remove(state, address.key)


VM = Vms(TYPE, _never)
