"""Network security groups and their rules, which are resources of their own, too."""

from __future__ import annotations

import ipaddress
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mngr.simcloud.azure.call import Call, value_at
from mngr.simcloud.azure.nested import Nested
from mngr.simcloud.azure.records import Resource
from mngr.simcloud.azure.resources import Kind, base
from mngr.simcloud.azure.state import State
from mngr.simcloud.azure.words import refuse

TYPE = "Microsoft.Network/networkSecurityGroups"
CHOICES = {
    "protocol": ("Tcp", "Udp", "Icmp", "Esp", "Ah", "*"),
    "access": ("Allow", "Deny"),
    "direction": ("Inbound", "Outbound"),
}
DEFAULTS = (
    ("AllowVnetInBound", 65000, "Allow", "Inbound", "VirtualNetwork", "VirtualNetwork"),
    ("AllowAzureLoadBalancerInBound", 65001, "Allow", "Inbound", "AzureLoadBalancer", "*"),
    ("DenyAllInBound", 65500, "Deny", "Inbound", "*", "*"),
    ("AllowVnetOutBound", 65000, "Allow", "Outbound", "VirtualNetwork", "VirtualNetwork"),
    ("AllowInternetOutBound", 65001, "Allow", "Outbound", "*", "Internet"),
    ("DenyAllOutBound", 65500, "Deny", "Outbound", "*", "*"),
)


def _build(state: State, call: Call, present: Resource | None) -> Resource:
    one = base(state, call, TYPE, present)
    given = call.at("properties.securityRules", list, [])
    rules: list[Mapping[str, Any]] = []
    for rule in given:
        rules.append(_rule(state, call, one, rule))
        _unique(rules)
    guid = one.properties.get("resourceGuid", str(uuid.uuid4()))
    defaults = [_default(one.id, one.etag, *default) for default in DEFAULTS]
    return replace(
        one, properties={"resourceGuid": guid, "securityRules": rules, "defaultSecurityRules": defaults}
    )


def _rule(state: State, call: Call, group: Resource, given: Any) -> dict[str, Any]:
    name = value_at(given, "name", str, "")
    properties = value_at(given, "properties", dict, {})
    found: dict[str, Any] = {"provisioningState": "Succeeded"}
    for field, choices in CHOICES.items():
        value = value_at(properties, field, str, "")
        chosen = next((one for one in choices if one.lower() == value.lower()), None)
        if chosen is None:
            raise _wrong(
                "SecurityRuleInvalidValue",
                f"Security rule {name} has no valid {field}: '{value}'. It is one of {', '.join(choices)}.",
            )
        found[field] = chosen
    priority = value_at(properties, "priority", int, 0)
    if not 100 <= priority <= 4096:
        raise _wrong(
            "SecurityRuleInvalidPriority",
            f"Security rule has invalid priority. Value provided: {priority} Allowed range 100-4096.",
        )
    found["priority"] = priority
    for side in ("source", "destination"):
        found |= _side(name, properties, side)
    if note := value_at(properties, "description", str, ""):
        found["description"] = note
    return {
        "name": name,
        "id": f"{group.id}/securityRules/{name}",
        "etag": f'W/"{group.etag}"',
        "type": f"{TYPE}/securityRules",
        "properties": found,
    }


def _side(rule: str, properties: Any, side: str) -> dict[str, Any]:
    """Addresses and ports of one side: one or several, and at least one."""
    found: dict[str, Any] = {}
    for one, many, what in (
        (f"{side}AddressPrefix", f"{side}AddressPrefixes", "AddressPrefix"),
        (f"{side}PortRange", f"{side}PortRanges", "PortRange"),
    ):
        single, several = value_at(properties, one, str, ""), value_at(properties, many, list, [])
        if not single and not several:
            raise _wrong(
                "SecurityRuleParameterContainsNoValue",
                f"Security rule {rule} has neither {one} nor {many}: at least one value must be specified.",
            )
        for value in [single, *several] if single else several:
            _check(rule, what, value)
        if single:
            found[one] = single
        found[many] = list(several)
    return found


def _check(rule: str, what: str, value: Any) -> None:
    if what == "PortRange":
        ends = value.split("-") if isinstance(value, str) else []
        if value != "*" and not (
            1 <= len(ends) <= 2 and all(end.isdigit() and int(end) <= 65535 for end in ends)
        ):
            raise _wrong(
                "SecurityRuleInvalidPortRange",
                f"Security rule has invalid Port range. Value provided: {value}. Value should be an integer OR integer range with '-' delimiter. Valid range 0-65535.",
            )
        return
    if value == "*" or (
        isinstance(value, str) and value.replace(".", "").isalnum() and not value[0].isdigit()
    ):
        return
    try:
        ipaddress.ip_network(value, strict=False)
    except ValueError:
        raise _wrong(
            "SecurityRuleInvalidAddressPrefix",
            f"Security rule has invalid Address prefix. Value provided: {value}",
        )


def _unique(rules: list[Mapping[str, Any]]) -> None:
    new = rules[-1]
    for other in rules[:-1]:
        if other["name"].lower() == new["name"].lower():
            raise _wrong(
                "DuplicateResourceName",
                f"Resource has two child resources with the same name ({new['name']}).",
            )
        same = ("priority", "direction")
        if all(other["properties"][name] == new["properties"][name] for name in same):
            raise _wrong(
                "SecurityRuleConflict",
                f"Security rule {new['name']} conflicts with rule {other['name']}. Rules cannot have the same Priority and Direction.",
            )


def _default(
    group: str,
    etag: str,
    name: str,
    priority: int,
    access: str,
    direction: str,
    source: str,
    destination: str,
) -> dict[str, Any]:
    properties = {
        "provisioningState": "Succeeded",
        "description": name,
        "protocol": "*",
        "sourcePortRange": "*",
        "destinationPortRange": "*",
        "sourceAddressPrefix": source,
        "destinationAddressPrefix": destination,
        "access": access,
        "priority": priority,
        "direction": direction,
        "sourcePortRanges": [],
        "destinationPortRanges": [],
        "sourceAddressPrefixes": [],
        "destinationAddressPrefixes": [],
    }
    return {
        "name": name,
        "id": f"{group}/defaultSecurityRules/{name}",
        "etag": f'W/"{etag}"',
        "type": f"{TYPE}/defaultSecurityRules",
        "properties": properties,
    }


def _joined(state: State, one: Resource) -> dict[str, Any]:
    """Who uses it: NICs and subnets."""
    nics = [
        {"id": nic.id}
        for nic in state.of("Microsoft.Network/networkInterfaces")
        if value_at(nic.properties, "networkSecurityGroup.id", str, "").lower() == one.key
    ]
    subnets = [
        {"id": subnet["id"]}
        for vnet in state.of("Microsoft.Network/virtualNetworks")
        for subnet in vnet.properties["subnets"]
        if value_at(subnet, "properties.networkSecurityGroup.id", str, "").lower() == one.key
    ]
    return ({"networkInterfaces": nics} if nics else {}) | ({"subnets": subnets} if subnets else {})


def _may_go(state: State, one: Resource) -> None:
    users = [user["id"] for users in _joined(state, one).values() for user in users]
    if users:
        raise refuse(
            400,
            "InUseNetworkSecurityGroupCannotBeDeleted",
            f"Network security group {one.id} cannot be deleted because it is in use by the following resources: "
            f"{', '.join(users)}. In order to delete the Network security group, remove the association with the resource(s).",
        )


def _wrong(code: str, message: str) -> Exception:
    return refuse(400, code, message)


GROUP = Kind(TYPE, _build, may_go=_may_go, shown=_joined, etag=True)
RULE = Nested(GROUP, "securityRules", _rule, check=_unique)
