"""Reading a VM's PUT: what it asks for, and whether it can be had. Nothing is made here but a reservation of its NICs."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Any

from mngr.simcloud.azure import catalog, disks, ids, images, networks
from mngr.simcloud.azure.call import Call, value_at
from mngr.simcloud.azure.catalog import IMAGE_GB, IMAGES, SIZES, Size
from mngr.simcloud.azure.records import Resource
from mngr.simcloud.azure.resources import base, referenced, required
from mngr.simcloud.azure.state import State
from mngr.simcloud.azure.words import bad, refuse
from mngr.simcloud.call import ApiError, is_public_key

TYPE = "Microsoft.Compute/virtualMachines"
NAME = re.compile(r"[A-Za-z0-9_]([\w.-]{0,62}\w)?", re.ASCII)
LARGEST_CUSTOM_DATA = 64 * 1024
RESERVED_USERS = {
    "root",
    "admin",
    "administrator",
    "user",
    "user1",
    "test",
    "guest",
    "console",
    "backup",
    "sys",
}


@dataclass(frozen=True)
class Asked:
    """`image` is a machine image of this computer, `source` a disk that is kept here; one of them is ""."""

    size: Size
    spot: bool
    nics: tuple[Resource, ...]
    delete_nics: frozenset[str]
    image: str
    source: str
    attach: Resource | None
    """A disk that is there already."""
    gigabytes: int
    user_data: bytes
    keys: tuple[str, ...]
    user: str
    hostname: str


def read(state: State, call: Call) -> Asked:
    """Raises ApiError."""
    location = base(state, call, TYPE, None, NAME).location
    size = _size(call, location)
    attach = None
    how = required(call, "properties.storageProfile.osDisk.createOption")
    image, source, gigabytes = "", "", IMAGE_GB
    if how == "Attach":
        disk = required(call, "properties.storageProfile.osDisk.managedDisk.id")
        attach = referenced(state, call, disk, disks.TYPE, location)
        if holder := attach.more.get("managedBy"):
            raise refuse(
                409,
                "ConflictingUserInput",
                f"Disk '{attach.id}' cannot be attached as the disk is already owned by VM '{holder}'.",
            )
        source, gigabytes = attach.properties["uniqueId"], attach.properties["diskSizeGB"]
    elif how == "FromImage":
        image, source, gigabytes = _image(state, call, size)
    else:
        raise bad("The osDisk must be created FromImage or by Attach.", "osDisk.createOption")
    wanted = call.at("properties.storageProfile.osDisk.diskSizeGB", int, gigabytes)
    if wanted < gigabytes:
        raise bad(
            f"The specified disk size {wanted} GB is smaller than the size of the corresponding disk in the VM image: {gigabytes} GB. This is not allowed.",
            "osDisk.diskSizeGB",
        )
    user, keys, custom = ("", (), b"") if attach else _system(call)
    nics, doomed = _nics(state, call, location)
    spot = call.at("properties.priority", default="Regular") in ("Spot", "Low")
    asked = Asked(
        size, spot, nics, doomed, image, source, attach, wanted, custom, keys, user, _hostname(call)
    )
    _can_be_had(state, call, asked, location)
    return asked


def _size(call: Call, location: str) -> Size:
    name = required(call, "properties.hardwareProfile.vmSize")
    size = SIZES.get(name.lower())
    if size is None:
        known = ",".join(one.name for one in SIZES.values())
        raise bad(
            f"The value {name} provided for the VM size is not valid. The valid sizes in the current region are: {known}. Find out "
            "more on the available VM sizes in each region at https://aka.ms/azure-regions.",
            "vmSize",
        )
    return size


def _image(state: State, call: Call, size: Size) -> tuple[str, str, int]:
    """Its machine image or kept disk, and the size of a disk made from it."""
    where = "properties.storageProfile.imageReference"
    if id := call.at(f"{where}.id") or call.at(f"{where}.communityGalleryImageId"):
        kept = images.source(state, call, id)
        return "", kept.inner["kept"], kept.inner["gigabytes"]
    words = [call.at(f"{where}.{name}", default="") for name in ("publisher", "offer", "sku", "version")]
    if not all(words):
        raise bad("Required parameter 'imageReference' is missing (null).", "imageReference")
    image = IMAGES.get((words[0].lower(), words[1].lower(), words[2].lower()))
    if image is None or words[3].lower() not in ("latest", catalog.IMAGE_VERSION):
        raise refuse(
            404,
            "PlatformImageNotFound",
            f"The platform image '{':'.join(words)}' is not available. Verify that all fields in the storage profile are correct. "
            "For more details about storage profile information, please refer to https://aka.ms/storageprofile",
            target="imageReference",
        )
    generation = "V2" if "gen2" in words[2].lower() else "V1"
    if generation not in size.generations.split(",") or size.arch != "x64":
        raise bad(
            f"The selected VM size '{size.name}' cannot boot Hypervisor Generation '{'2' if generation == 'V2' else '1'}' images of this architecture.",
            "vmSize",
        )
    return image, "", IMAGE_GB


def _system(call: Call) -> tuple[str, tuple[str, ...], bytes]:
    """(user, SSH keys, custom data)."""
    where = "properties.osProfile"
    user = required(call, f"{where}.adminUsername")
    if user.lower() in RESERVED_USERS:
        raise bad("The Admin Username specified is not allowed.", "adminUsername")
    keys = [
        value_at(key, "keyData", str, "")
        for key in call.at(f"{where}.linuxConfiguration.ssh.publicKeys", list, [])
    ]
    for key in keys:
        if not is_public_key(key):
            raise bad(
                "The value of parameter linuxConfiguration.ssh.publicKeys.keyData is invalid.",
                "linuxConfiguration.ssh.publicKeys.keyData",
            )
    paths = [
        value_at(key, "path", str, "")
        for key in call.at(f"{where}.linuxConfiguration.ssh.publicKeys", list, [])
    ]
    if any(path != f"/home/{user}/.ssh/authorized_keys" for path in paths):
        raise bad(
            f"Destination path for SSH public keys is currently limited to its default value /home/{user}/.ssh/authorized_keys due to a known issue in Linux provisioning agent.",
            "linuxConfiguration.ssh.publicKeys.path",
        )
    if not keys and not call.at(f"{where}.adminPassword"):
        raise bad(
            "Authentication using either SSH or by user name and password must be enabled in Linux profile.",
            "linuxConfiguration",
        )
    try:
        custom = base64.b64decode(call.at(f"{where}.customData", default=""), validate=True)
    except binascii.Error:
        raise bad(
            "Custom data in OSProfile must be in Base64 encoding and with a maximum length of 87380 characters.",
            "customData",
        )
    if len(custom) > LARGEST_CUSTOM_DATA:
        raise bad(
            "Custom data in OSProfile must be in Base64 encoding and with a maximum length of 87380 characters.",
            "customData",
        )
    return user, tuple(keys), custom


def _hostname(call: Call) -> str:
    name = call.at("properties.osProfile.computerName", default=call.id.name)
    if len(name) > 64 or not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?", name):
        raise bad(
            "Linux host name cannot exceed 64 characters in length or contain the following characters: ` ~ ! @ # $ % ^ & * ( ) = + _ [ ] { } \\ | ; : ' \" , < > / ?.",
            "computerName",
        )
    return name


def _nics(state: State, call: Call, location: str) -> tuple[tuple[Resource, ...], frozenset[str]]:
    found, doomed, mine = [], set(), ids.resource_id(state.subscription, call.id.group, TYPE, call.id.name)
    for given in required(call, "properties.networkProfile.networkInterfaces", list):
        nic = referenced(state, call, value_at(given, "id", str, ""), networks.NIC, location, "join/action")
        user = value_at(nic.properties, "virtualMachine.id", str, "")
        if user and user.lower() != mine.lower():
            raise refuse(400, "NicInUse", f"Network Interface {nic.id} is used by existing resource {user}.")
        if (
            nic.inner.get("reserved_until", 0) > state.now()
            and nic.inner["reserved_for"].lower() != mine.lower()
        ):
            raise refuse(
                400,
                "NicReservedForAnotherVm",
                f"Nic(s) in request is reserved for another Virtual Machine for 180 seconds. Please provide another nic(s) or retry after 180 seconds. Reserved VM: {nic.inner['reserved_for']}",
            )
        if value_at(given, "properties.deleteOption", str, "Detach") == "Delete":
            doomed.add(nic.key)
        found.append(nic)
    return tuple(found), frozenset(doomed)


def _can_be_had(state: State, call: Call, asked: Asked, location: str) -> None:
    """Quota first, then capacity; either keeps the NICs for this VM for a while."""
    faults = call.request.faults
    name = asked.size.name
    try:
        check_quota(state, asked.size, location, asked.spot, "quota" in faults)
        if "sku_not_available" in faults or state.market.has(location, name.lower()) in (
            "none",
            "restricted",
        ):
            raise no_capacity(name, location)
    except ApiError:
        until = state.now() + state.behaviour.nic_reserved_s
        mine = ids.resource_id(state.subscription, call.id.group, TYPE, call.id.name)
        for nic in asked.nics:
            state.change(nic.key, inner={"reserved_until": until, "reserved_for": mine})
        raise


def no_capacity(size: str, location: str) -> ApiError:
    return refuse(
        409,
        "SkuNotAvailable",
        f"The requested VM size for resource 'Following SKUs have failed for Capacity Restrictions: {size}' is currently not "
        f"available in location '{location}'. Please try another size or deploy to a different location or different zone. See "
        "https://aka.ms/azureskunotavailable for details.",
    )


def used_cores(state: State, location: str, family: str) -> int:
    """Deallocated VMs count."""
    total = 0
    for one in state.of(TYPE):
        size = SIZES[one.properties["hardwareProfile"]["vmSize"].lower()]
        spot = one.properties.get("priority") in ("Spot", "Low")
        counts = spot if family == "lowPriorityCores" else not spot and family in ("cores", size.family)
        total += size.cores if one.location == location and counts else 0
    return total


def check_quota(state: State, size: Size, location: str, spot: bool, ordered: bool = False) -> None:
    for family in ("lowPriorityCores",) if spot else (size.family, "cores"):
        limit, used = state.market.limit(location, family), used_cores(state, location, family)
        limit = used if ordered else limit
        if used + size.cores > limit:
            what = {"cores": "Total Regional Cores", "lowPriorityCores": "LowPriorityCores"}.get(
                family, f"{family} Cores"
            )
            raise refuse(
                409,
                "OperationNotAllowed",
                f"Operation could not be completed as it results in exceeding approved {what} quota. Additional details - "
                f"Deployment Model: Resource Manager, Location: {location}, Current Limit: {limit}, Current Usage: {used}, "
                f"Additional Required: {size.cores}, (Minimum) New Limit Required: {used + size.cores}. Setup Alerts when Quota "
                "reaches threshold. Learn more at https://aka.ms/quotamonitoringalerting . Submit a request for Quota increase "
                "at https://aka.ms/ProdportalCRP/#blade/Microsoft_Azure_Capacity/UsageAndQuota.ReactView by specifying "
                "parameters listed in the 'Details' section for deployment to succeed.",
            )


def storage(state: State, call: Call, asked: Asked, disk: Resource) -> dict[str, Any]:
    """The `storageProfile` that the VM has."""
    given = call.at("properties.storageProfile.osDisk", dict, {})
    profile: dict[str, Any] = {
        "osDisk": {
            "osType": "Linux",
            "name": disk.name,
            "createOption": given.get("createOption", "FromImage"),
            "caching": given.get("caching", "ReadWrite"),
            "managedDisk": {"storageAccountType": disk.more["sku"]["name"], "id": disk.id},
            "deleteOption": given.get("deleteOption", "Detach"),
            "diskSizeGB": asked.gigabytes,
        },
        "dataDisks": [],
    }
    if reference := call.at("properties.storageProfile.imageReference", dict):
        exact = {} if reference.get("id") else {"exactVersion": catalog.IMAGE_VERSION}
        profile["imageReference"] = {**reference, **exact}
    return profile
