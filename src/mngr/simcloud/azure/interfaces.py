"""Public IP addresses and network interfaces."""

from __future__ import annotations

import ipaddress
import uuid
from dataclasses import replace
from typing import Any

from mngr.simcloud.azure import catalog, firewall, ids, networks, rights
from mngr.simcloud.azure.call import Call, value_at
from mngr.simcloud.azure.records import Resource
from mngr.simcloud.azure.resources import Kind, base, referenced, required
from mngr.simcloud.azure.state import State
from mngr.simcloud.azure.words import bad, refuse
from mngr.simcloud.bill import Metered

ADDRESS_TYPE = "Microsoft.Network/publicIPAddresses"
TYPE = networks.NIC


def _build_address(state: State, call: Call, present: Resource | None) -> Resource:
    one = base(state, call, ADDRESS_TYPE, present)
    sku = call.at("sku.name", default="Basic")
    method = call.at("properties.publicIPAllocationMethod", default="Dynamic")
    if sku not in ("Basic", "Standard"):
        raise bad(f"Invalid value for sku: {sku}. It is Basic or Standard.", "sku.name")
    if sku == "Standard" and method != "Static":
        raise refuse(
            400,
            "StandardSkuPublicIPAddressesMustBeStatic",
            f"Standard sku publicIp {one.id} must have AllocationMethod set to Static.",
        )
    # Its address is a machine's on this computer: kept for it as long as the resource is there.
    address = one.properties.get("ipAddress") or state.core.machines.addresses.reserve()
    properties = {
        "ipAddress": address,
        "publicIPAllocationMethod": method,
        "publicIPAddressVersion": call.at("properties.publicIPAddressVersion", default="IPv4"),
        "idleTimeoutInMinutes": call.at("properties.idleTimeoutInMinutes", int, 4),
        "ipTags": [],
        "resourceGuid": one.properties.get("resourceGuid", str(uuid.uuid4())),
    }
    if label := call.at("properties.dnsSettings.domainNameLabel"):
        properties["dnsSettings"] = {
            "domainNameLabel": label,
            "fqdn": f"{label}.{one.location}.cloudapp.azure.com",
        }
    if option := call.at("properties.deleteOption"):
        properties["deleteOption"] = option
    zones = {"zones": call.at("zones", list)} if call.at("zones", list) else {}
    more = {"sku": {"name": sku, "tier": call.at("sku.tier", default="Regional")}, **zones}
    kept = {name: one.properties[name] for name in ("ipConfiguration",) if name in one.properties}
    return replace(one, properties={**kept, **properties}, more=more)


def _address_made(state: State, one: Resource) -> None:
    if one.state == "Creating":
        state.core.bill.open(one.id, "address", one.name, one.bill_tags(), Metered(catalog.ADDRESS_PER_HOUR))


def _address_may_go(state: State, one: Resource) -> None:
    if user := value_at(one.properties, "ipConfiguration.id", str, ""):
        raise refuse(
            400,
            "PublicIPAddressCannotBeDeleted",
            f"Public IP address {one.id} can not be deleted since it is still allocated to resource {user}. In order to delete "
            "the public IP, disassociate/detach the Public IP address from the resource.",
        )


def _address_gone(state: State, one: Resource) -> None:
    state.core.machines.addresses.release(one.properties["ipAddress"])


def _build(state: State, call: Call, present: Resource | None) -> Resource:
    one = base(state, call, TYPE, present)
    configurations = []
    for given in required(call, "properties.ipConfigurations", list):
        configurations.append(_configuration(state, call, one, given, primary=not configurations))
    properties: dict[str, Any] = {
        "ipConfigurations": configurations,
        "dnsSettings": {"dnsServers": [], "appliedDnsServers": []},
        "enableAcceleratedNetworking": call.at("properties.enableAcceleratedNetworking", bool, False),
        "enableIPForwarding": call.at("properties.enableIPForwarding", bool, False),
        "hostedWorkloads": [],
        "nicType": "Standard",
        "resourceGuid": one.properties.get("resourceGuid", str(uuid.uuid4())),
    }
    kept = {
        name: one.properties[name]
        for name in ("virtualMachine", "macAddress", "primary")
        if name in one.properties
    }
    if group := call.at("properties.networkSecurityGroup.id"):
        properties["networkSecurityGroup"] = {
            "id": referenced(state, call, group, firewall.TYPE, one.location, "join/action").id
        }
    return replace(one, properties={**kept, **properties})


def _configuration(state: State, call: Call, nic: Resource, given: Any, primary: bool) -> dict[str, Any]:
    name, properties = value_at(given, "name", str, "ipconfig1"), value_at(given, "properties", dict, {})
    id = f"{nic.id}/ipConfigurations/{name}"
    subnet = _subnet(state, call, nic, value_at(properties, "subnet.id", str, ""))
    before = next((one for one in nic.properties.get("ipConfigurations", ()) if one["name"] == name), None)
    private = value_at(before, "properties.privateIPAddress", str, "") or _free(state, subnet)
    found: dict[str, Any] = {
        "provisioningState": "Succeeded",
        "privateIPAddress": private,
        "privateIPAllocationMethod": value_at(properties, "privateIPAllocationMethod", str, "Dynamic"),
        "subnet": {"id": subnet["id"]},
        "primary": value_at(properties, "primary", bool, primary),
        "privateIPAddressVersion": "IPv4",
    }
    if public := value_at(properties, "publicIPAddress.id", str, ""):
        address = referenced(state, call, public, ADDRESS_TYPE, nic.location, "join/action")
        taken = value_at(address.properties, "ipConfiguration.id", str, "")
        if taken and taken.lower() != id.lower():
            raise refuse(
                400,
                "PublicIPAddressInUse",
                f"Resource {id} is referencing public IP address {address.id} that is already allocated to resource {taken}.",
            )
        option = value_at(properties, "publicIPAddress.properties.deleteOption", str, "")
        found["publicIPAddress"] = {"id": address.id} | (
            {"properties": {"deleteOption": option}} if option else {}
        )
    return {
        "name": name,
        "id": id,
        "etag": f'W/"{nic.etag}"',
        "type": f"{TYPE}/ipConfigurations",
        "properties": found,
    }


def _subnet(state: State, call: Call, nic: Resource, id: str) -> Any:
    cut = id.lower().rfind("/subnets/")
    found = referenced(state, call, id[:cut] if cut > 0 else id, networks.TYPE, nic.location)
    wanted = next((one for one in found.properties["subnets"] if one["id"].lower() == id.lower()), None)
    if wanted is None:
        raise refuse(
            400,
            "InvalidResourceReference",
            f"Resource {id} referenced by resource {nic.id} was not found. Please make sure that the referenced resource exists, and that both resources are in the same region.",
        )
    action, scope = ids.right("PUT", call.path)
    rights.require_linked(
        state, call.who, action, scope, f"{networks.TYPE}/subnets/join/action", wanted["id"]
    )
    return wanted


def _free(state: State, subnet: Any) -> str:
    """The lowest address that Azure doesn't keep for itself: the first three and the last are."""
    taken = {one["properties"]["privateIPAddress"] for one in networks.users(state, subnet["id"])}
    hosts = ipaddress.ip_network(subnet["properties"]["addressPrefix"]).hosts()
    for number, host in enumerate(hosts):
        if number > 2 and str(host) not in taken:
            return str(host)
    raise refuse(
        400,
        "SubnetIsFull",
        f"Subnet {subnet['name']} with address prefix {subnet['properties']['addressPrefix']} does not have enough capacity for 1 IP addresses.",
    )


def addresses(state: State, nic: Resource) -> list[Resource]:
    """The public ones that it has."""
    found = [
        state.resources.get(value_at(one, "properties.publicIPAddress.id", str, "").lower())
        for one in nic.properties["ipConfigurations"]
    ]
    return [one for one in found if one]


def _made(state: State, nic: Resource) -> None:
    """Its public addresses say whose they are; those that it had, no more."""
    _let_go(state, nic)
    for one in nic.properties["ipConfigurations"]:
        if public := value_at(one, "properties.publicIPAddress.id", str, ""):
            state.change(public, properties={"ipConfiguration": {"id": one["id"]}})


def _let_go(state: State, nic: Resource) -> None:
    for address in state.of(ADDRESS_TYPE):
        if value_at(address.properties, "ipConfiguration.id", str, "").lower().startswith(f"{nic.key}/"):
            left = {name: value for name, value in address.properties.items() if name != "ipConfiguration"}
            state.resources.change(address.key, properties=left)


def _may_go(state: State, nic: Resource) -> None:
    if user := value_at(nic.properties, "virtualMachine.id", str, ""):
        raise refuse(
            400,
            "NicInUse",
            f"Network Interface {nic.id} is used by existing resource {user}. In order to delete the network interface, it must be dissociated from the resource. To learn more, see aka.ms/deletenic.",
        )
    until = nic.inner.get("reserved_until", 0)
    if until > state.now():
        raise refuse(
            400,
            "NicReservedForAnotherVm",
            f"Nic(s) in request is reserved for another Virtual Machine for 180 seconds. Please provide another nic(s) or retry "
            f"after 180 seconds. Reserved VM: {nic.inner['reserved_for']}",
        )


ADDRESS = Kind(
    ADDRESS_TYPE, _build_address, made=_address_made, may_go=_address_may_go, gone=_address_gone, etag=True
)
INTERFACE = Kind(TYPE, _build, made=_made, may_go=_may_go, gone=_let_go, etag=True)
