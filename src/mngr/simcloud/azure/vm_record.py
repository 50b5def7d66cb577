"""A new VM's record, with its disk's and its identity; its NICs are its own from then on."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

from mngr.simcloud.azure import disks, vm_create
from mngr.simcloud.azure.call import Call, value_at
from mngr.simcloud.azure.principals import Principal
from mngr.simcloud.azure.records import Resource
from mngr.simcloud.azure.resources import base
from mngr.simcloud.azure.state import State
from mngr.simcloud.azure.vm_create import NAME, TYPE, Asked
from mngr.simcloud.azure.words import refuse
from mngr.simcloud.clock import iso


def make(state: State, call: Call, asked: Asked) -> Resource:
    """The VM's record and its disk's; its NICs are its own from now on."""
    vm = base(state, call, TYPE, None, NAME)
    disk = asked.attach or _disk(state, call, asked, vm)
    disks.attach(state, disk.key, vm.id)
    profile = {
        "computerName": asked.hostname,
        "adminUsername": asked.user,
        "linuxConfiguration": call.at("properties.osProfile.linuxConfiguration", dict, {}),
        "secrets": [],
        "allowExtensionOperations": True,
        "requireGuestProvisionSignal": True,
    }
    properties: dict[str, Any] = {
        "hardwareProfile": {"vmSize": asked.size.name},
        "vmId": str(uuid.uuid4()),
        "storageProfile": vm_create.storage(state, call, asked, disk),
        "networkProfile": call.at("properties.networkProfile", dict),
        "timeCreated": iso(state.now()),
    }
    if not asked.attach:
        properties["osProfile"] = profile
    for name in ("priority", "evictionPolicy", "billingProfile", "diagnosticsProfile", "userData"):
        if (value := call.at(f"properties.{name}", object)) is not None:
            properties[name] = value
    if asked.spot:
        properties.setdefault("evictionPolicy", "Deallocate")
    inner = {
        "power": "",
        "image": asked.image,
        "source": asked.source,
        "user_data": asked.user_data,
        "keys": asked.keys,
        "user": asked.user,
        "hostname": asked.hostname,
        "gigabytes": asked.gigabytes,
        "delete_nics": asked.delete_nics,
    }
    zones = {"zones": call.at("zones", list)} if call.at("zones", list) else {}
    vm = replace(vm, properties=properties, more={**zones, **identity(state, call, vm)}, inner=inner)
    state.resources.put(vm.key, vm)
    for number, nic in enumerate(asked.nics):
        end = uuid.uuid4().hex.upper()
        state.change(
            nic.key,
            properties={
                "virtualMachine": {"id": vm.id},
                "macAddress": f"00-0D-3A-{end[:2]}-{end[2:4]}-{end[4:6]}",
                "primary": number == 0,
            },
            inner={"reserved_until": 0},
        )
    return vm


def _disk(state: State, call: Call, asked: Asked, vm: Resource) -> Resource:
    name = (
        call.at("properties.storageProfile.osDisk.name", default="")
        or f"{vm.name}_OsDisk_1_{uuid.uuid4().hex}"
    )
    sku = call.at("properties.storageProfile.osDisk.managedDisk.storageAccountType", default="Premium_LRS")
    id = vm.id.rpartition("/virtualMachines/")[0] + f"/disks/{name}"
    if there := state.resources.get(id.lower()):
        raise refuse(
            409,
            "ConflictingUserInput",
            f"Disk {there.name} already exists in resource group {there.group}. Only CreateOption.Attach is supported.",
        )
    reference = call.at("properties.storageProfile.imageReference", dict, {})
    one = Resource(id, disks.TYPE, vm.location, state.now(), tags=vm.tags)
    source = {
        "createOption": "FromImage",
        "imageReference": {"id": reference.get("id") or _platform(state, vm, reference)},
    }
    one = replace(disks.fresh(state, one, sku, asked.gigabytes, source), state="Creating")
    one = replace(one, properties={**one.properties, "osType": "Linux", "hyperVGeneration": "V2"})
    state.resources.put(one.key, one)
    disks.made(state, one)
    state.change(one.key, state="Succeeded")
    return one


def _platform(state: State, vm: Resource, reference: Any) -> str:
    words = [reference[name] for name in ("publisher", "offer", "sku")]
    parts = "/".join(
        f"{name}/{value}" for name, value in zip(("Publishers", "Offers", "Skus"), words, strict=True)
    )
    return f"/Subscriptions/{state.subscription}/Providers/Microsoft.Compute/Locations/{vm.location}/{parts.replace('/Offers', '/ArtifactTypes/VMImage/Offers')}"


def identity(state: State, call: Call, vm: Resource) -> dict[str, Any]:
    kind = call.at("identity.type", default=value_at(vm.more, "identity.type", str, "None"))
    if "SystemAssigned" not in kind:
        return {}
    who = state.principals.by_id(value_at(vm.more, "identity.principalId", str, ""))
    who = who or state.principals.add(Principal(vm.name, made=state.now(), vm=vm.id))
    return {
        "identity": {"type": "SystemAssigned", "principalId": who.id, "tenantId": state.principals.tenant}
    }
