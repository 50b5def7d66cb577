"""A VM's instance view: its provisioning and power states, as `statuses`."""

from __future__ import annotations

from typing import Any

from mngr.simcloud.azure.records import Resource
from mngr.simcloud.azure.state import State
from mngr.simcloud.clock import iso

SHOWN = {
    "running": "VM running",
    "starting": "VM starting",
    "stopping": "VM stopping",
    "stopped": "VM stopped",
    "deallocating": "VM deallocating",
    "deallocated": "VM deallocated",
}


def instance_view(state: State, vm: Resource) -> dict[str, Any]:
    now, power = iso(state.now()), vm.inner.get("power", "")
    failure = vm.inner.get("failure", {}) if vm.state == "Failed" else {}
    provisioning: dict[str, Any] = {
        "code": "/".join(filter(None, ("ProvisioningState", vm.state.lower(), failure.get("code")))),
        "level": "Error" if vm.state == "Failed" else "Info",
        "displayStatus": f"Provisioning {vm.state.lower()}",
        "time": now,
    }
    if failure:
        provisioning["message"] = failure["message"]
    statuses = [provisioning]
    if power:
        statuses.append({"code": f"PowerState/{power}", "level": "Info", "displayStatus": SHOWN[power]})
    view: dict[str, Any] = {
        "disks": [
            {
                "name": vm.properties["storageProfile"]["osDisk"]["name"],
                "statuses": [
                    {
                        "code": "ProvisioningState/succeeded",
                        "level": "Info",
                        "displayStatus": "Provisioning succeeded",
                        "time": now,
                    }
                ],
            }
        ],
        "hyperVGeneration": "V2",
        "statuses": statuses,
    }
    if power == "running":
        ready = {
            "code": "ProvisioningState/succeeded",
            "level": "Info",
            "displayStatus": "Ready",
            "message": "Guest Agent is running",
            "time": now,
        }
        agent = {"vmAgentVersion": "2.9.1.1", "statuses": [ready], "extensionHandlers": []}
        view |= {
            "computerName": vm.inner["hostname"],
            "osName": "debian",
            "osVersion": "12",
            "vmAgent": agent,
        }
    return view
