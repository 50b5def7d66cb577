"""What is asked rather than done: Resource Graph's queries, retail prices, metadata, lists that lag."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from mngr.simcloud.azure import kql, reach
from mngr.simcloud.azure.kql_words import Unreadable
from support.azure import RULES, Arm, Here, machine, prepared, send
from support.simcloud import Simcloud

ROWS = [
    {
        "name": "a",
        "type": "vm",
        "tags": {"mngr-provider": "azure", "x": "1"},
        "properties": {"size": 3, "list": [{"id": "i"}]},
    },
    {"name": "b", "type": "vm", "tags": None, "properties": {"size": 10, "list": []}},
    {"name": "C-d", "type": "nic", "tags": {"mngr-provider": "other"}, "properties": {}},
]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("where type == 'vm'", "a b"),
        ("where type =~ 'VM' and isnotempty(tags['mngr-provider'])", "a"),
        ("where tags['mngr-provider'] in~ ('AZURE', 'x') or name == 'b'", "a b"),
        ("where not(type == 'vm')", "C-d"),
        ("where type !in ('nic') | where name != 'a'", "b"),
        ("where name has 'D' or name startswith 'B'", "b C-d"),
        ("where properties.size >= 10", "b"),
        ("where properties.list[0].id == 'i'", "a"),
        ("where (type == 'nic' or name == 'a') and isnotnull(tags) | order by name desc", "a C-d"),
        ("order by tolower(name) desc | take 2", "C-d b"),
        ("top 1 by name asc", "C-d"),
        ("where name !contains 'b' // not b", "a C-d"),
    ],
)
def test_where(query: str, names: str) -> None:
    assert [row["name"] for row in kql.run(f"Resources | {query}", ROWS)] == names.split()


def test_columns() -> None:
    assert kql.run("resources | where name == 'a' | project name, p = tags.x, properties.size", ROWS) == [
        {"name": "a", "p": "1", "properties_size": 3}
    ]
    assert kql.run("resources | summarize n = count() by type | order by n desc", ROWS) == [
        {"type": "vm", "n": 2},
        {"type": "nic", "n": 1},
    ]
    assert kql.run("resources | count", ROWS) == [{"Count": 3}]
    assert kql.run("resources | distinct type", ROWS) == [{"type": "vm"}, {"type": "nic"}]
    assert kql.run("resources | extend n = toupper(name) | project n", ROWS)[0] == {"n": "A"}


@pytest.mark.parametrize(
    "query",
    [
        "vms",
        "resources | join (x)",
        "resources | where name ~ 'a'",
        "resources | where",
        "resources | where foo(name)",
        "resources | summarize max(name)",
        "resources where",
    ],
)
def test_what_isnt_known_is_refused(cloud: Simcloud, arm: Arm, query: str) -> None:
    with pytest.raises(Unreadable):
        kql.run(query, ROWS)
    refused = arm(
        "POST", "/providers/Microsoft.ResourceGraph/resources", {"query": query, "subscriptions": [arm.sub]}
    )
    assert (refused.status, refused.body["error"]["details"][0]["code"]) == (400, "InvalidQuery")


def test_resource_graph_pages_and_shows_what_may_be_read(cloud: Simcloud, arm: Arm) -> None:
    prepared(arm)
    cloud.ask("POST", "/behaviour", {"graph_lag_s": 0})
    asked = {"query": "resources | project name", "subscriptions": [arm.sub], "options": {"$top": 1}}
    first = arm("POST", "/providers/Microsoft.ResourceGraph/resources", asked, expect=200).body
    assert (first["count"], first["totalRecords"]) == (1, 2)
    asked["options"]["$skipToken"] = first["$skipToken"]
    second = arm("POST", "/providers/Microsoft.ResourceGraph/resources", asked, expect=200).body
    assert {first["data"][0]["name"], second["data"][0]["name"]} == {"mngr-nsg", "mngr-vnet"}
    assert "$skipToken" not in second
    nobody = Arm(cloud, {**cloud.env, **cloud.ask("POST", "/principals", {"allow": []})["env"]})
    assert nobody("POST", "/providers/Microsoft.ResourceGraph/resources", asked).body["totalRecords"] == 0
    cloud.ask("POST", "/behaviour", {"graph_lag_s": 60})
    assert arm("POST", "/providers/Microsoft.ResourceGraph/resources", asked).body["totalRecords"] == 0, (
        "it lags"
    )


def test_retail_prices(cloud: Simcloud) -> None:
    def ask(text: str, more: str = "") -> dict:
        return send("GET", f"{cloud.url}/api/retail/prices?$filter={quote(text)}{more}", None, {}).body

    text = "serviceName eq 'Virtual Machines' and armRegionName eq 'westus' and armSkuName eq 'Standard_B2s' and priceType eq 'Consumption'"
    found = ask(text.replace("priceType", "type"))["Items"]
    prices = {(item["skuName"], "Windows" in item["productName"]): item["retailPrice"] for item in found}
    assert prices["B2s", False] == 0.0495
    assert prices["B2s Spot", False] < prices["B2s", False] < prices["B2s", True]
    assert ask(text)["Items"], "priceType is what the documents call it"
    page = ask("serviceFamily eq 'Compute'")
    assert (page["Count"], bool(page["NextPageLink"])) == (100, True)
    assert send("GET", page["NextPageLink"], None, {}).body["Items"][0] not in page["Items"]
    assert send("GET", f"{cloud.url}/api/retail/prices?$filter=nonsense", None, {}).status == 400


def test_the_bill_is_what_the_prices_say(cloud: Simcloud, arm: Arm) -> None:
    machine(arm)
    cloud.advance(3600)
    cost = {line["kind"]: line["cost"] for line in cloud.bill()["lines"]}
    assert cost["virtualMachine"] == pytest.approx(0.0495, rel=0.01)
    assert cost["disk"] == pytest.approx(2.4 / 730, rel=0.01)
    assert cost["address"] == pytest.approx(0.005, rel=0.01)


@pytest.mark.parametrize(
    ("target", "status", "said"),
    [
        ("/metadata/versions", 200, "apiVersions"),
        ("/metadata/instance?api-version=2021-02-01", 200, "AzurePublicCloud"),
        ("/metadata/instance/compute?api-version=2021-02-01&format=text", 200, "vmSize"),
        ("/metadata/instance/compute/tagsList/0/name?api-version=2021-02-01&format=text", 200, "a"),
        ("/metadata/instance/compute/nothing?api-version=2021-02-01", 404, "Not found"),
        ("/metadata/instance", 400, "newest-versions"),
        ("/metadata/identity/oauth2/token?api-version=2018-02-01", 400, "resource"),
        (
            "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://vault.azure.net",
            400,
            "AADSTS500011",
        ),
        (
            "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://management.azure.com&client_id=x",
            400,
            "Identity not found",
        ),
        ("/metadata/identity/info?api-version=2018-02-01", 200, "tenantId"),
    ],
)
def test_metadata(cloud: Simcloud, arm: Arm, target: str, status: int, said: str) -> None:
    machine(arm, tags={"a": "b"})
    answer = cloud.ask("POST", "/imds", {"vm": "one", "target": target})
    assert answer["status"] == status
    assert said in str(answer["body"])


def test_a_stale_list_shows_the_past(cloud: Simcloud, arm: Arm) -> None:
    prepared(arm)
    path = arm.group("Microsoft.Network/virtualNetworks")
    cloud.fault("stale", path="**/virtualNetworks", lag_s=60)
    assert arm("GET", path).status in (200, 404)
    assert len(arm("GET", path).body["value"]) == 1


def test_what_security_groups_let_in(cloud: Here, arm: Arm) -> None:
    subnet = prepared(arm)
    vm = machine(arm, "one", subnet)
    state, id = cloud.vendor.state, vm["properties"]["vmId"]
    nsg = arm.group("Microsoft.Network/networkSecurityGroups/mngr-nsg")
    assert reach.closed(state, id, (22, 2222, 80)) == {80}
    deny = {**RULES[0]["properties"], "access": "Deny", "priority": 200, "destinationPortRange": "20-30"}
    arm.done("PUT", f"{nsg}/securityRules/deny", {"properties": deny})
    assert reach.closed(state, id, (22, 2222)) == {22}
    arm.done(
        "PUT",
        f"{nsg}/securityRules/deny",
        {"properties": {**deny, "sourceAddressPrefixes": ["VirtualNetwork"]}},
    )
    assert reach.closed(state, id, (22, 2222)) == set()
    arm.done("PUT", nsg, {"location": "westus", "properties": {"securityRules": []}})
    assert reach.closed(state, id, (22, 2222)) == {22, 2222}
