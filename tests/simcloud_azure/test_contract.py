"""Every answer is what ARM's own contracts say, and every operation here is one of theirs."""

from __future__ import annotations

import re

import pytest

from mngr.simcloud.azure.routes import ROUTES
from support.azure import Arm, interface, prepared
from support.azure_schema import Contract
from support.simcloud import Simcloud

UNDESCRIBED = re.compile(
    r"/subscriptions(/{subscription})?|/subscriptions/{subscription}/locations|/tenants|.*/operation(s|results)/{id}"
    r"|.*/Microsoft\.Insights/.*|.*/Microsoft\.Compute/(galleries|images)\b.*|/api/retail/prices|/providers/Microsoft\.Authorization/roleDefinitions/{name}"
)
"""What the contracts folder hasn't got."""
TABLE = [route for route in ROUTES if not UNDESCRIBED.fullmatch(route.path)]


def _sample(path: str) -> str:
    filled = path.replace("{+scope}", "subscriptions/s/resourceGroups/g")
    return re.sub(r"{\w+}", "x", filled)


@pytest.mark.parametrize("route", TABLE, ids=[f"{route.method} {route.path}" for route in TABLE])
def test_an_operation_is_theirs(contract: Contract, route: object) -> None:
    assert contract.find(route.method, _sample(route.path)), "no such operation there"  # type: ignore[attr-defined]


@pytest.fixture
def checked(cloud: Simcloud, contract: Contract) -> Arm:
    return Arm(cloud, contract=contract)


def test_groups_and_providers(checked: Arm) -> None:
    sub = f"/subscriptions/{checked.sub}"
    made = checked("PUT", checked.group(), {"location": "West US", "tags": {"a": "b"}}, expect=201).body
    assert made["location"] == "westus"
    checked("PUT", checked.group(), {"location": "westus"}, expect=200)
    assert checked("PATCH", checked.group(), {"tags": {"c": "d"}}).body["tags"] == {"c": "d"}
    checked("HEAD", checked.group(), expect=204)
    checked("HEAD", checked.group(name="none"), expect=404)
    assert [
        one["name"] for one in checked("GET", f"{sub}/resourcegroups?$filter=tagName eq 'c'").body["value"]
    ] == ["mngr"]
    assert checked("GET", f"{sub}/providers/microsoft.compute").body["registrationState"] == "Registered"
    checked("POST", f"{sub}/providers/Microsoft.Quota/register", expect=200)
    assert (
        checked("POST", f"{sub}/providers/Microsoft.Quota/unregister").body["registrationState"]
        == "NotRegistered"
    )
    assert checked("GET", f"{sub}/providers").body["value"]
    checked.done("DELETE", checked.group(), expect=202)
    assert checked("GET", checked.group(), expect=404).code == "ResourceGroupNotFound"


def test_network(checked: Arm) -> None:
    subnet = prepared(checked)
    nic = interface(checked, "one", subnet)
    nsg = checked.group("Microsoft.Network/networkSecurityGroups/mngr-nsg")
    rule = {**checked("GET", f"{nsg}/securityRules/ssh").body["properties"], "priority": 500}
    checked.done("PUT", f"{nsg}/securityRules/mine", {"properties": rule}, expect=201)
    assert [one["name"] for one in checked("GET", f"{nsg}/securityRules").body["value"]] == [
        "ssh",
        "agent",
        "mine",
    ]
    checked.done("DELETE", f"{nsg}/securityRules/mine", expect=202)
    network = subnet.rpartition("/subnets/")[0]
    checked.done(
        "PUT", f"{network}/subnets/more", {"properties": {"addressPrefix": "10.0.1.0/24"}}, expect=201
    )
    assert checked("GET", subnet).body["properties"]["ipConfigurations"]
    assert len(checked("GET", f"{network}/subnets").body["value"]) == 2
    checked.done("DELETE", f"{network}/subnets/more", expect=202)
    for type in ("networkSecurityGroups", "virtualNetworks", "publicIPAddresses", "networkInterfaces"):
        for base in (checked.group(), f"/subscriptions/{checked.sub}"):
            [one] = checked("GET", f"{base}/providers/Microsoft.Network/{type}", expect=200).body["value"]
        assert checked("PATCH", one["id"], {"tags": {"a": "b"}}).body["tags"] == {"a": "b"}
    assert checked("DELETE", subnet.replace("mngr-subnet", "none"), expect=204)
    assert checked("DELETE", network, expect=400).code == "InUseSubnetCannotBeDeleted"
    for id in (nic, nic.replace("networkInterfaces/one-nic", "publicIPAddresses/one-ip"), network, nsg):
        checked.done("DELETE", id, expect=202)
        checked("DELETE", id, expect=204)
        checked("GET", id, expect=404)


def test_roles_and_tags(checked: Arm) -> None:
    scope, guid = prepared(checked), "c0ffee00-0000-4000-8000-000000000001"
    group = scope.partition("/providers")[0]
    who = checked.cloud.ask("POST", "/principals", {})["object_id"]
    role = {
        "roleName": "mngr-self-deallocate",
        "description": "d",
        "type": "CustomRole",
        "assignableScopes": [group],
        "permissions": [
            {"actions": ["Microsoft.Compute/virtualMachines/deallocate/action"], "notActions": []}
        ],
    }
    path = f"{group}/providers/Microsoft.Authorization/roleDefinitions/{guid}"
    made = checked("PUT", path, {"properties": role}, expect=201).body
    assert checked("GET", path).body["properties"]["roleName"] == "mngr-self-deallocate"
    names = [one["properties"]["roleName"] for one in checked("GET", path.rpartition("/")[0]).body["value"]]
    assert {"Owner", "mngr-self-deallocate"} <= set(names)
    given = f"{group}/providers/Microsoft.Authorization/roleAssignments/{guid}"
    body = {
        "properties": {
            "roleDefinitionId": made["id"],
            "principalId": who,
            "principalType": "ServicePrincipal",
        }
    }
    checked("PUT", given, body, expect=201)
    checked("PUT", given, body, expect=200)
    other = given.replace("0001", "0002")
    assert checked("PUT", other, body, expect=409).code == "RoleAssignmentExists"
    assert checked("GET", given).body["properties"]["principalId"] == who
    listed = checked("GET", f"{given.rpartition('/')[0]}?$filter=principalId eq '{who}'").body["value"]
    assert [one["name"] for one in listed] == [guid]
    assert checked("DELETE", path, expect=400).code == "RoleDefinitionHasAssignments"
    checked("DELETE", given, expect=200)
    checked("DELETE", given, expect=204)
    checked("DELETE", path, expect=200)
    tags = f"{group}/providers/Microsoft.Resources/tags/default"
    checked("PATCH", tags, {"operation": "Merge", "properties": {"tags": {"x": "1", "y": "2"}}}, expect=200)
    checked("PATCH", tags, {"operation": "Delete", "properties": {"tags": {"x": "1", "managed-by": "other"}}})
    assert checked("GET", tags).body["properties"]["tags"] == {"managed-by": "mngr", "y": "2"}
    assert checked("GET", group).body["tags"] == {"managed-by": "mngr", "y": "2"}
    checked("PUT", tags, {"properties": {"tags": {}}}, expect=200)
    checked("DELETE", tags, expect=200)
