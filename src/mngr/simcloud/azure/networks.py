"""Virtual networks and their subnets."""

from __future__ import annotations

import ipaddress
import uuid
from dataclasses import replace
from typing import Any

from mngr.simcloud.azure import firewall
from mngr.simcloud.azure.call import Call, value_at
from mngr.simcloud.azure.nested import Nested, Part
from mngr.simcloud.azure.records import Resource
from mngr.simcloud.azure.resources import Kind, base, referenced, required
from mngr.simcloud.azure.state import State
from mngr.simcloud.azure.words import refuse

TYPE = "Microsoft.Network/virtualNetworks"
NIC = "Microsoft.Network/networkInterfaces"


def _build(state: State, call: Call, present: Resource | None) -> Resource:
    one = base(state, call, TYPE, present)
    prefixes = [
        str(_network(prefix)) for prefix in required(call, "properties.addressSpace.addressPrefixes", list)
    ]
    one = replace(
        one, properties={**one.properties, "addressSpace": {"addressPrefixes": prefixes}, "subnets": []}
    )
    subnets: list[Part] = []
    for given in call.at("properties.subnets", list, []):
        subnets.append(_subnet(state, call, one, given))
        _apart(subnets)
    kept = {subnet["id"].lower() for subnet in subnets}
    for subnet in present.properties["subnets"] if present else ():
        if subnet["id"].lower() not in kept:
            _may_go_subnet(state, subnet)
    guid = one.properties.get("resourceGuid", str(uuid.uuid4()))
    fixed = {"virtualNetworkPeerings": [], "enableDdosProtection": False, "resourceGuid": guid}
    return replace(one, properties={**one.properties, **fixed, "subnets": subnets})


def _subnet(state: State, call: Call, network: Resource, given: Any) -> dict[str, Any]:
    name, properties = value_at(given, "name", str, ""), value_at(given, "properties", dict, {})
    several = value_at(properties, "addressPrefixes", list, [])
    prefix = _network(value_at(properties, "addressPrefix", str, "") or (several[0] if several else ""))
    spaces = [ipaddress.ip_network(space) for space in network.properties["addressSpace"]["addressPrefixes"]]
    if not any(prefix.version == space.version and prefix.subnet_of(space) for space in spaces):  # type: ignore[arg-type]
        raise refuse(
            400,
            "NetcfgInvalidSubnet",
            f"Subnet '{name}' is not valid because its IP address range is outside the IP address range of virtual network '{network.name}'.",
        )
    found: dict[str, Any] = {
        "provisioningState": "Succeeded",
        "addressPrefix": str(prefix),
        "delegations": [],
        "privateEndpointNetworkPolicies": "Disabled",
        "privateLinkServiceNetworkPolicies": "Enabled",
    }
    if group := value_at(properties, "networkSecurityGroup.id", str, ""):
        found["networkSecurityGroup"] = {
            "id": referenced(state, call, group, firewall.TYPE, network.location, "join/action").id
        }
    if (outbound := value_at(properties, "defaultOutboundAccess", bool)) is not None:
        found["defaultOutboundAccess"] = outbound
    return {
        "name": name,
        "id": f"{network.id}/subnets/{name}",
        "etag": f'W/"{network.etag}"',
        "type": f"{TYPE}/subnets",
        "properties": found,
    }


def _network(text: Any) -> Any:
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        raise refuse(
            400,
            "InvalidCIDRNotation",
            f"The address prefix {text} in resource does not have a valid CIDR notation.",
        )


def _apart(subnets: list[Part]) -> None:
    new = ipaddress.ip_network(subnets[-1]["properties"]["addressPrefix"])
    for other in subnets[:-1]:
        if new.overlaps(ipaddress.ip_network(other["properties"]["addressPrefix"])):
            raise refuse(
                400,
                "NetcfgSubnetRangesOverlap",
                f"Subnet '{subnets[-1]['name']}' is not valid because its IP address range overlaps with that of an existing subnet in virtual network.",
            )


def users(state: State, subnet: str) -> list[dict[str, Any]]:
    """The IP configurations in a subnet."""
    return [
        configuration
        for nic in state.of(NIC)
        for configuration in nic.properties["ipConfigurations"]
        if configuration["properties"]["subnet"]["id"].lower() == subnet.lower()
    ]


def _shown_subnet(state: State, subnet: Part) -> dict[str, Any]:
    used = [{"id": one["id"]} for one in users(state, subnet["id"])]
    return {**subnet, "properties": {**subnet["properties"], **({"ipConfigurations": used} if used else {})}}


def _shown(state: State, one: Resource) -> dict[str, Any]:
    return {"subnets": [_shown_subnet(state, subnet) for subnet in one.properties["subnets"]]}


def _may_go_subnet(state: State, subnet: Part) -> None:
    if used := users(state, subnet["id"]):
        raise refuse(
            400,
            "InUseSubnetCannotBeDeleted",
            f"Subnet {subnet['name']} is in use by {used[0]['id']} and cannot be deleted. In order to delete the subnet, delete "
            "all the resources within the subnet. See aka.ms/deletesubnet.",
        )


def _may_go(state: State, one: Resource) -> None:
    for subnet in one.properties["subnets"]:
        _may_go_subnet(state, subnet)


NETWORK = Kind(TYPE, _build, may_go=_may_go, shown=_shown, etag=True)
SUBNET = Nested(NETWORK, "subnets", _subnet, check=_apart, may_go=_may_go_subnet, shown=_shown_subnet)
