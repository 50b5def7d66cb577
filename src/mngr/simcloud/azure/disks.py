"""Managed disks. One that a VM runs from is that VM's machine; what a deleted VM leaves is kept, and can be attached again."""

from __future__ import annotations

import re
import uuid
from dataclasses import replace
from typing import Any

from mngr.simcloud.azure import catalog
from mngr.simcloud.azure.call import Call
from mngr.simcloud.azure.records import Resource
from mngr.simcloud.azure.resources import Kind, base, required
from mngr.simcloud.azure.state import State
from mngr.simcloud.azure.words import bad, refuse
from mngr.simcloud.bill import Metered
from mngr.simcloud.clock import iso

TYPE = "Microsoft.Compute/disks"
NAME = re.compile(r"[A-Za-z0-9_]([\w.-]{0,78}\w)?", re.ASCII)


def _build(state: State, call: Call, present: Resource | None) -> Resource:
    """Empty ones only: a VM's own disk is made with it."""
    one = base(state, call, TYPE, present, NAME)
    how = required(call, "properties.creationData.createOption")
    if present is None and how != "Empty":
        raise bad(
            f"This simulated Azure makes no disks by {how}: only Empty ones, and those of VMs.",
            "creationData.createOption",
        )
    gigabytes = call.at("properties.diskSizeGB", int, one.properties.get("diskSizeGB", 0))
    if not 1 <= gigabytes <= 32767 or gigabytes < one.properties.get("diskSizeGB", 0):
        raise bad(
            f"Disk size {gigabytes} GB is not within [1, 32767], or is smaller than the disk is.",
            "diskSizeGB",
        )
    made = fresh(state, one, call.at("sku.name", default="Premium_LRS"), gigabytes, {"createOption": how})
    return replace(made, properties={**made.properties, **one.properties, "diskSizeGB": gigabytes})


def fresh(state: State, one: Resource, sku: str, gigabytes: int, source: dict[str, Any]) -> Resource:
    """A disk as it is when new."""
    if sku not in catalog.DISK_TIERS:
        raise bad(
            f"The value '{sku}' of parameter 'storageAccountType' is not allowed. Allowed values are {', '.join(catalog.DISK_TIERS)}.",
            "storageAccountType",
        )
    properties = {
        "creationData": source,
        "diskSizeGB": gigabytes,
        "diskSizeBytes": gigabytes * 1024**3,
        "diskIOPSReadWrite": 500,
        "diskMBpsReadWrite": 100,
        "encryption": {"type": "EncryptionAtRestWithPlatformKey"},
        "networkAccessPolicy": "AllowAll",
        "publicNetworkAccess": "Enabled",
        "timeCreated": iso(state.now()),
        "diskState": "Unattached",
        "uniqueId": str(uuid.uuid4()),
    }
    return replace(
        one, properties=properties, more={**one.more, "sku": {"name": sku, "tier": sku.partition("_")[0]}}
    )


def made(state: State, one: Resource) -> None:
    if one.state == "Creating":
        rate = Metered(catalog.disk_month(one.more["sku"]["name"], one.properties["diskSizeGB"]) / 730)
        state.core.bill.open(one.id, "disk", one.name, one.bill_tags(), rate)


def attach(state: State, disk: str, vm: str) -> None:
    state.change(disk, more={**state.find(disk).more, "managedBy": vm}, properties={"diskState": "Attached"})


def rest(state: State, disk: str) -> None:
    """Its VM is deallocated."""
    state.change(disk, properties={"diskState": "Reserved"})


def detach(state: State, disk: str) -> None:
    if one := state.resources.get(disk.lower()):
        more = {name: value for name, value in one.more.items() if name != "managedBy"}
        state.change(disk, more=more, properties={"diskState": "Unattached"})


def _may_go(state: State, one: Resource) -> None:
    if vm := one.more.get("managedBy"):
        raise refuse(409, "OperationNotAllowed", f"Disk {one.name} is attached to VM {vm}.")


def _gone(state: State, one: Resource) -> None:
    if one.inner.get("kept"):
        key = one.properties["uniqueId"]
        state.core.jobs.submit(key, lambda: state.core.machines.drop_disk(key))


DISK = Kind(TYPE, _build, "disk_s", made=made, may_go=_may_go, gone=_gone, created=202, updated=202)
