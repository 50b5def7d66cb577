"""Every answer is what ARM's own contracts say, and every operation here is one of theirs."""

from __future__ import annotations

import re

import pytest

from mngr.simcloud.azure.routes import ROUTES
from mngr.simcloud.routing import Router
from support.azure import Arm, Here, interface, machine, power, prepared, vm_path
from support.azure_schema import Contract, Mismatch

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


def groups_and_providers(checked: Arm) -> None:
    sub = f"/subscriptions/{checked.sub}"
    made = checked("PUT", checked.group(), {"location": "West US", "tags": {"a": "b"}}, expect=201).body
    assert made["location"] == "westus"
    checked("PUT", checked.group(), {"location": "westus"}, expect=200)
    for base in (sub, checked.group()):
        assert checked("GET", f"{base}/resources").body == {"value": []}
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


def network(checked: Arm) -> None:
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


def roles_and_tags(checked: Arm) -> None:
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


def a_vms_life(checked: Arm) -> None:
    vm = machine(
        checked,
        tags={"mngr-host-id": "h1"},
        priority="Spot",
        evictionPolicy="Deallocate",
        billingProfile={"maxPrice": -1},
    )
    path, sub = vm_path(checked), f"/subscriptions/{checked.sub}/providers/Microsoft.Compute"
    assert vm["properties"]["provisioningState"] == "Succeeded"
    assert power(checked) == "running"
    [listed] = checked("GET", f"{checked.group()}/providers/Microsoft.Compute/virtualMachines").body["value"]
    assert listed["id"] == vm["id"]
    [seen] = checked("GET", f"{sub}/virtualMachines?statusOnly=true").body["value"]
    assert seen["properties"]["instanceView"]["statuses"][1]["code"] == "PowerState/running"
    for region, many in (("westus", 1), ("eastus", 0)):
        assert len(checked("GET", f"{sub}/locations/{region}/virtualMachines").body["value"]) == many
    assert checked("GET", f"{path}?$expand=instanceView").body["properties"]["instanceView"]["vmAgent"]
    assert (
        checked(
            "GET", f"{checked.group()}/providers/Microsoft.Compute/virtualMachines?$expand=instanceView"
        ).status
        == 400
    )
    checked.done("PATCH", path, {"tags": {"a": "b"}}, expect=200)
    for verb, then in (
        ("powerOff", "stopped"),
        ("start", "running"),
        ("restart", "running"),
        ("redeploy", "running"),
        ("deallocate", "deallocated"),
        ("start", "running"),
        ("deallocate", "deallocated"),
    ):
        checked.done("POST", f"{path}/{verb}", expect=202)
        assert power(checked) == then
    checked("POST", f"{path}/simulateEviction", expect=204)
    checked("POST", f"{path}/generalize", expect=200)
    [disk] = checked("GET", f"{sub}/disks", expect=200).body["value"]
    assert disk["managedBy"] == vm["id"]
    checked("PATCH", disk["id"], {"tags": {"a": "b"}}, expect=200)
    assert checked("DELETE", disk["id"]).status == 409
    checked.done("DELETE", path, expect=202)
    checked("DELETE", path, expect=204)
    assert checked("GET", f"{checked.group()}/providers/Microsoft.Compute/disks").body["value"] == []
    empty = {
        "location": "westus",
        "sku": {"name": "StandardSSD_LRS"},
        "properties": {"creationData": {"createOption": "Empty"}, "diskSizeGB": 8},
    }
    checked.done("PUT", disk["id"], empty, expect=202)
    assert checked("GET", disk["id"]).body["properties"]["diskState"] == "Unattached"
    checked.done("DELETE", disk["id"], expect=202)


def offers(checked: Arm) -> None:
    sub = f"/subscriptions/{checked.sub}/providers"
    checked.cloud.ask(
        "POST", "/capacity", {"region": "westus", "size": "Standard_E2s_v5", "is": "restricted"}
    )
    sizes = checked("GET", f"{sub}/Microsoft.Compute/skus?$filter=location eq 'westus'").body["value"]
    restricted = [one["name"] for one in sizes if one["restrictions"]]
    assert restricted == ["Standard_E2s_v5"]
    assert checked("GET", f"{sub}/Microsoft.Compute/locations/westus/vmSizes").body["value"]
    machine(checked)
    used = {
        one["name"]["value"]: one
        for one in checked("GET", f"{sub}/Microsoft.Compute/locations/westus/usages").body["value"]
    }
    assert (used["cores"]["currentValue"], used["standardBSFamily"]["limit"]) == (2, 10)
    addresses = checked("GET", f"{sub}/Microsoft.Network/locations/westus/usages").body["value"][0]
    assert addresses["currentValue"] == 1
    path = f"{sub}/Microsoft.Compute/locations/westus/publishers"
    for step in ("Debian", "artifacttypes/vmimage/offers", "debian-12", "skus", "12-gen2", "versions"):
        if "/" in step or step in ("skus", "versions"):
            assert checked("GET", f"{path}/{step}").body
        path = f"{path}/{step}"
    [version] = checked("GET", path).body
    assert checked("GET", f"{path}/{version['name']}").body["properties"]["hyperVGeneration"] == "V2"
    assert checked("GET", f"{sub}/Microsoft.Compute/locations/westus/publishers").body[0]["name"] == "Debian"


def resource_graph(checked: Arm) -> None:
    vm = machine(checked)
    checked.cloud.ask("POST", "/behaviour", {"graph_lag_s": 0})
    query = "resources | where type =~ 'Microsoft.Compute/virtualMachines' and tags['x'] != 'y' | project id, state = tostring(properties.extended.instanceView.powerState.code)"
    body = {"subscriptions": [checked.sub], "query": query, "options": {"resultFormat": "objectArray"}}
    found = checked("POST", "/providers/Microsoft.ResourceGraph/resources", body, expect=200).body
    assert found["data"] == [{"id": vm["id"], "state": "PowerState/running"}]


SCENARIOS = (groups_and_providers, network, roles_and_tags, a_vms_life, offers, resource_graph)


def test_every_operation_answers_as_described(contract: Contract) -> None:
    """Each of these scenarios in a cloud of its own; together they call every operation."""
    called = set()
    for scenario in SCENARIOS:
        with Here() as cloud:
            arm = Arm(cloud, contract=contract)
            scenario(arm)
            called |= arm.seen
    router = Router(ROUTES, ignore_case=True)
    found = {id(match[0]) for method, path in called if (match := router.find(method, path))}
    missed = [f"{route.method} {route.path}" for route in TABLE if id(route) not in found]
    assert missed == []


def test_an_answer_that_isnt_described_is_seen(contract: Contract) -> None:
    path = "/subscriptions/s/resourceGroups/g"
    good = {"id": path, "name": "g", "location": "westus", "properties": {"provisioningState": "Succeeded"}}
    contract.check("GET", path, None, 200, good)
    for wrong in ({**good, "more": 1}, {**good, "location": 1}, {"name": "g"}):
        with pytest.raises(Mismatch):
            contract.check("GET", path, None, 200, wrong)
    with pytest.raises(Mismatch):
        contract.check("GET", path, None, 202, good)
