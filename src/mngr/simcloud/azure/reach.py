"""Which ports of a VM can be reached from outside, by its security groups.

A public address of SKU Standard lets nothing in unless a group allows it; with groups at NIC and subnet, both must. Every client
here comes from this computer, so a rule for some addresses counts as one for the client's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from mngr.simcloud.azure import machine
from mngr.simcloud.azure.call import value_at
from mngr.simcloud.azure.records import Resource
from mngr.simcloud.azure.state import State

NOT_OUTSIDE = {"virtualnetwork", "azureloadbalancer"}


def closed(state: State, id: str, ports: Iterable[int]) -> frozenset[int]:
    """Those of the ports that aren't let in to the machine of that vmId."""
    vm = state.resources.get(state.vms.get(id, ""))
    if vm is None or not machine.public_address(state, vm):
        return frozenset(ports)
    groups = list(_groups(state, machine.nics(state, vm)))
    return frozenset(
        port for port in ports if not groups or not all(_allows(group, port) for group in groups)
    )


def _groups(state: State, nics: list[Resource]) -> Iterator[Resource]:
    """Of the NICs and of their subnets."""
    for nic in nics:
        wanted = [value_at(nic.properties, "networkSecurityGroup.id", str, "")]
        for configuration in nic.properties["ipConfigurations"]:
            network, _, name = configuration["properties"]["subnet"]["id"].rpartition("/subnets/")
            found = state.resources.get(network.lower())
            for subnet in found.properties["subnets"] if found else ():
                if subnet["name"].lower() == name.lower():
                    wanted.append(value_at(subnet, "properties.networkSecurityGroup.id", str, ""))
        for id in wanted:
            if group := state.resources.get(id.lower()):
                yield group


def _allows(group: Resource, port: int) -> bool:
    """What the first rule says that fits: they are asked in the order of their priorities."""
    rules = [*group.properties["securityRules"], *group.properties["defaultSecurityRules"]]
    for rule in sorted((rule["properties"] for rule in rules), key=lambda rule: rule["priority"]):
        if rule["direction"] == "Inbound" and rule["protocol"] in ("Tcp", "*") and _fits(rule, port):
            return rule["access"] == "Allow"
    return False


def _fits(rule: Any, port: int) -> bool:
    sources = [rule.get("sourceAddressPrefix", ""), *rule["sourceAddressPrefixes"]]
    ranges = [rule.get("destinationPortRange", ""), *rule["destinationPortRanges"]]
    outside = any(source and source.lower() not in NOT_OUTSIDE for source in sources)
    return outside and any(_within(port, one) for one in ranges if one)


def _within(port: int, text: str) -> bool:
    first, _, last = text.partition("-")
    return text == "*" or int(first) <= port <= int(last or first)
