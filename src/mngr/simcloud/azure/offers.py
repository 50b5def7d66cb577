"""What can be had: SKUs with their restrictions, sizes of a region, usages beside quotas, marketplace images."""

from __future__ import annotations

import re
from typing import Any

from mngr.simcloud.azure import vm_create
from mngr.simcloud.azure.call import Call
from mngr.simcloud.azure.catalog import FAMILIES, IMAGE_VERSION, IMAGES, REGIONS, SIZES, Size
from mngr.simcloud.azure.state import State
from mngr.simcloud.azure.words import refuse

LOCATION = re.compile(r"\s*location\s+eq\s+'([^']*)'\s*", re.IGNORECASE)
PUBLISHERS = {"debian": "Debian"}


def skus(state: State, call: Call) -> dict[str, Any]:
    """Of every region, or of the one that `$filter=location eq '…'` names."""
    regions = list(REGIONS)
    if given := call.request.first("$filter"):
        asked = LOCATION.fullmatch(given)
        if not asked:
            raise refuse(
                400,
                "InvalidParameter",
                f"The filter '{given}' is not supported: only location eq is.",
                target="$filter",
            )
        regions = [name for name in regions if name == asked[1].replace(" ", "").lower()]
    return {"value": [_sku(state, size, region) for region in regions for size in SIZES.values()]}


def _sku(state: State, size: Size, region: str) -> dict[str, Any]:
    zones = [str(number + 1) for number in range(REGIONS[region].zones)]
    capabilities = {
        "MaxResourceVolumeMB": "0",
        "OSVhdSizeMB": "1047552",
        "vCPUs": str(size.cores),
        "vCPUsAvailable": str(size.cores),
        "HyperVGenerations": size.generations,
        "MemoryGB": f"{size.memory_gb:g}",
        "MaxDataDiskCount": str(size.data_disks),
        "CpuArchitectureType": size.arch,
        "LowPriorityCapable": str(bool(size.spot)),
        "PremiumIO": str(size.premium),
        "EphemeralOSDiskSupported": "False",
        "AcceleratedNetworkingEnabled": "True",
        "MaxNetworkInterfaces": "2",
    }
    restricted = state.market.has(region, size.name.lower()) == "restricted"
    restriction = {
        "type": "Location",
        "values": [region],
        "restrictionInfo": {"locations": [region]},
        "reasonCode": "NotAvailableForSubscription",
    }
    return {
        "resourceType": "virtualMachines",
        "name": size.name,
        "tier": "Standard",
        "size": size.name.removeprefix("Standard_"),
        "family": size.family,
        "locations": [region],
        "locationInfo": [{"location": region, "zones": zones, "zoneDetails": []}],
        "capabilities": [{"name": name, "value": value} for name, value in capabilities.items()],
        "restrictions": [restriction] if restricted else [],
    }


def sizes(state: State, call: Call) -> dict[str, Any]:
    _region(call)
    return {
        "value": [
            {
                "name": one.name,
                "numberOfCores": one.cores,
                "osDiskSizeInMB": 1047552,
                "resourceDiskSizeInMB": 0,
                "memoryInMB": int(one.memory_gb * 1024),
                "maxDataDiskCount": one.data_disks,
            }
            for one in SIZES.values()
        ]
    }


def usages(state: State, call: Call) -> dict[str, Any]:
    region = _region(call)
    names = {
        "cores": "Total Regional vCPUs",
        "lowPriorityCores": "Total Regional Low-priority vCPUs",
        **FAMILIES,
    }
    found = [
        _usage(vm_create.used_cores(state, region, name), state.market.limit(region, name), name, title)
        for name, title in names.items()
    ]
    vms = sum(one.location == region for one in state.of(vm_create.TYPE))
    return {"value": [_usage(vms, 25000, "virtualMachines", "Virtual Machines"), *found]}


def network_usages(state: State, call: Call) -> dict[str, Any]:
    region, sub = _region(call), f"/subscriptions/{state.subscription}/providers/Microsoft.Network/locations"
    types = (
        ("PublicIPAddresses", "Public IP Addresses", 1000),
        ("NetworkInterfaces", "Network Interfaces", 65536),
        ("VirtualNetworks", "Virtual Networks", 1000),
    )
    return {
        "value": [
            {
                **_usage(
                    sum(one.location == region for one in state.of(f"Microsoft.Network/{name}")),
                    limit,
                    name,
                    title,
                ),
                "id": f"{sub}/{region}/usages/{name}",
            }
            for name, title, limit in types
        ]
    }


def _usage(used: int, limit: int, name: str, title: str) -> dict[str, Any]:
    return {
        "unit": "Count",
        "currentValue": used,
        "limit": limit,
        "name": {"value": name, "localizedValue": title},
    }


def images(state: State, call: Call) -> Any:
    """publishers → offers → skus → versions, as the path has them, and one version whole."""
    region, parts = _region(call), {name: value.lower() for name, value in call.parts.items()}
    steps = ("publisher", "offer", "sku")
    given = [parts[name] for name in steps if name in parts]
    found = [image for image in IMAGES if list(image[: len(given)]) == given]
    base = call.path.partition("?")[0].rstrip("/")
    if not found or parts.get("version", IMAGE_VERSION) != IMAGE_VERSION:
        raise refuse(404, "NotFound", f"Artifact: VMImage was not found: {call.path}.")
    if "version" in parts:
        properties = {
            "osDiskImage": {"operatingSystem": "Linux"},
            "dataDiskImages": [],
            "hyperVGeneration": "V2" if "gen2" in given[2] else "V1",
        }
        return {"location": region, "name": IMAGE_VERSION, "id": base, "properties": properties}
    names = [IMAGE_VERSION] if len(given) == 3 else sorted({image[len(given)] for image in found})
    return [
        {"location": region, "name": PUBLISHERS.get(name, name), "id": f"{base}/{name}"} for name in names
    ]


def _region(call: Call) -> str:
    name = call.parts["location"].replace(" ", "").lower()
    if name not in REGIONS:
        raise refuse(
            400,
            "NoRegisteredProviderFound",
            f"No registered resource provider found for location '{name}'. The supported locations are '{', '.join(REGIONS)}'.",
        )
    return name
