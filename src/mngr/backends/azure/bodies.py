"""What is ordered: the bodies of Azure's requests for an address, a network interface and a VM.

https://learn.microsoft.com/rest/api/compute/virtual-machines/create-or-update
"""

import base64
from typing import Any

from mngr.backends.azure.agent_tags import COUNT
from mngr.backends.azure.config import AzureConfig
from mngr.backends.azure.group import MANAGED, Group
from mngr.vps_docker.vps_client import MachineSpec

#: Azure makes this user, whom nobody uses: root logs in, with the same key.
ADMIN = "mngr"


def address(spec: MachineSpec) -> dict[str, Any]:
    """A static address: it stays while the machine is deallocated."""
    return {
        "location": spec.region,
        "tags": {**MANAGED, **spec.tags},
        "sku": {"name": "Standard"},
        "properties": {"publicIPAllocationMethod": "Static", "publicIPAddressVersion": "IPv4"},
    }


def interface(group: Group, spec: MachineSpec) -> dict[str, Any]:
    public = {"id": group.whole(group.address(spec.name)), "properties": {"deleteOption": "Delete"}}
    configuration = {
        "subnet": {"id": group.whole(group.subnet)},
        "privateIPAllocationMethod": "Dynamic",
        "publicIPAddress": public,
    }
    return {
        "location": spec.region,
        "tags": {**MANAGED, **spec.tags},
        "properties": {"ipConfigurations": [{"name": "primary", "properties": configuration}]},
    }


def vm(group: Group, config: AzureConfig, spec: MachineSpec, created_at: str) -> dict[str, Any]:
    """The VM; its disk, interface and address go with it. Its identity is for deallocating itself."""
    disk: dict[str, Any] = {
        "name": f"{spec.name}-os",
        "createOption": "FromImage",
        "deleteOption": "Delete",
        "managedDisk": {"storageAccountType": config.os_disk_type},
    }
    if config.os_disk_size_gb is not None:
        disk["diskSizeGB"] = config.os_disk_size_gb
    key = {"path": f"/home/{ADMIN}/.ssh/authorized_keys", "keyData": spec.public_key}
    nic = {"id": group.whole(group.nic(spec.name)), "properties": {"primary": True, "deleteOption": "Delete"}}
    properties: dict[str, Any] = {
        "hardwareProfile": {"vmSize": spec.plan},
        "storageProfile": {"imageReference": image(spec), "osDisk": disk},
        "osProfile": {
            "computerName": spec.name,
            "adminUsername": ADMIN,
            "linuxConfiguration": {"disablePasswordAuthentication": True, "ssh": {"publicKeys": [key]}},
            "customData": base64.b64encode(spec.user_data.encode()).decode(),
        },
        "networkProfile": {"networkInterfaces": [nic]},
    }
    if spec.options.get("spot"):
        properties |= {"priority": "Spot", "evictionPolicy": "Delete", "billingProfile": {"maxPrice": -1}}
    return {
        "location": spec.region,
        "tags": {**MANAGED, "mngr-created-at": created_at, COUNT: "0", **spec.tags},
        "identity": {"type": "SystemAssigned"},
        "properties": properties,
    }


def image(spec: MachineSpec) -> dict[str, str]:
    """`PUBLISHER:OFFER:SKU:VERSION`, as the Azure CLI writes it, or the id of an image of one's own."""
    if spec.image.startswith("/"):
        return {"id": spec.image}
    publisher, offer, sku, version = spec.image.split(":")
    return {"publisher": publisher, "offer": offer, "sku": sku, "version": version}
