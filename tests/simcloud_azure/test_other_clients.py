"""Clients that aren't the SDKs: other api-versions, other case, conditions, fewer rights, no login."""

from __future__ import annotations

import pytest

from support.azure import RULES, Arm, interface, machine, prepared, send, vm_body, vm_path
from support.simcloud import Simcloud


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("api-version=2022-11-01", ""),
        ("Api-Version=2022-11-01", ""),
        ("api-version=2022-13-45", "InvalidApiVersionParameter"),
        ("api-version=2022-02-30", "InvalidApiVersionParameter"),
        ("api-version=", "MissingApiVersionParameter"),
        ("apiversion=2022-11-01", "MissingApiVersionParameter"),
    ],
)
def test_an_api_version_is_a_day_and_its_name_is_read_in_any_case(
    cloud: Simcloud, arm: Arm, query: str, code: str
) -> None:
    token = arm.login().body["access_token"]
    answer = send("GET", f"{cloud.url}/subscriptions?{query}", None, {"Authorization": f"Bearer {token}"})
    assert (answer.status, answer.code if code else "") == (400 if code else 200, code)


@pytest.mark.parametrize(
    ("media", "status"),
    [
        ("application/json", 201),
        ("application/json; charset=utf-8", 201),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("", 415),
    ],
)
def test_a_body_has_to_be_said_to_be_json(arm: Arm, media: str, status: int) -> None:
    answer = arm("PUT", arm.group(), {"location": "westus"}, headers={"Content-Type": media})
    assert answer.status == status
    if status == 415:
        assert answer.code == "UnsupportedMediaType"
        assert f"'{media or '<null>'}'" in answer.body["error"]["message"]
    # What has no body needs no type: so curl and urllib order.
    there = arm(
        "POST",
        f"/subscriptions/{arm.sub}/providers/Microsoft.Compute/register",
        headers={"Content-Type": media},
    )
    assert there.status == 200


def test_an_api_version_is_needed_and_any_will_do(cloud: Simcloud, arm: Arm) -> None:
    for version, status in (("2015-01-01", 200), ("2026-04-01-preview", 200), ("nonsense", 400)):
        assert arm("GET", f"{cloud.url}/subscriptions?api-version={version}").status == status
    refused = arm("GET", f"{cloud.url}/subscriptions?x-api-version=")
    assert (refused.status, refused.code) == (400, "MissingApiVersionParameter")


def test_paths_and_ids_ignore_case(arm: Arm) -> None:
    """As terraform and az write them: resourcegroups, microsoft.network; ids come back as they were made."""
    vm = machine(arm)
    found = arm("GET", vm["id"].lower(), expect=200).body
    assert found["id"] == vm["id"]
    assert arm("GET", vm["id"].upper().replace(arm.sub.upper(), arm.sub), expect=200).body["name"] == "one"
    arm("PUT", arm.group(name="MNGR"), {"location": "westus"}, expect=200)
    assert arm("GET", arm.group(name="Mngr")).body["name"] == "mngr"
    subnet = arm.group("MICROSOFT.network/VirtualNetworks/mngr-VNET/Subnets/mngr-subnet", "MNGR")
    assert arm("GET", subnet, expect=200).body["name"] == "mngr-subnet"
    assert interface(arm, "two", subnet).endswith("two-nic")


def test_what_every_answer_has(arm: Arm) -> None:
    mine = {
        "x-ms-client-request-id": "11111111-2222-4333-8444-555555555555",
        "x-ms-return-client-request-id": "true",
    }
    answer = arm("GET", "/subscriptions", headers=mine)
    assert answer.headers["x-ms-client-request-id"] == mine["x-ms-client-request-id"]
    for name in ("x-ms-request-id", "x-ms-correlation-request-id", "x-ms-routing-request-id", "Date"):
        assert answer.headers[name]


def test_conditions(arm: Arm) -> None:
    prepared(arm)
    path = arm.group("Microsoft.Network/networkSecurityGroups/mngr-nsg")
    etag, body = arm("GET", path).body["etag"], {"location": "westus", "properties": {"securityRules": RULES}}
    assert arm("PUT", path, body, headers={"If-None-Match": "*"}).status == 412
    assert arm("PUT", path, body, headers={"If-Match": 'W/"other"'}).code == "PreconditionFailed"
    arm("PUT", path, body, headers={"If-Match": etag}, expect=200)
    assert arm("PUT", path, body, headers={"If-Match": etag}).status == 412, "it has changed since"


def test_a_token_lives_an_hour_at_any_speed(arm: Arm) -> None:
    """A thousand times as fast here; and the SDKs ask for another one 300 s before its end."""
    assert arm.login().body["expires_in"] == 3599


def test_without_a_login(cloud: Simcloud, arm: Arm) -> None:
    arm.token = "nobody's"
    assert (arm("GET", "/subscriptions").status, arm("GET", "/subscriptions").code) == (
        401,
        "InvalidAuthenticationToken",
    )
    arm.token = ""
    arm("GET", "/subscriptions", expect=200)
    cloud.ask("POST", "/tokens/expire")
    refused = arm("GET", "/subscriptions")
    assert (refused.status, refused.code) == (401, "ExpiredAuthenticationToken")
    assert 'error="invalid_token"' in refused.headers["WWW-Authenticate"]


def test_entra_says_what_is_wrong_with_a_login(cloud: Simcloud) -> None:
    for changes, status, code in (
        ({"AZURE_CLIENT_SECRET": "no"}, 401, 7000215),
        ({"AZURE_CLIENT_ID": "no"}, 400, 700016),
        ({"AZURE_TENANT_ID": "11111111-2222-4333-8444-555555555555"}, 400, 90002),
    ):
        answer = Arm(cloud, {**cloud.env, **changes}).login()
        assert (answer.status, answer.body["error_codes"]) == (status, [code])


def test_a_right_that_lacks_is_named(cloud: Simcloud, arm: Arm) -> None:
    """Also one on another resource that is joined."""
    nic = interface(arm, "one", prepared(arm))
    without = ["Microsoft.Network/networkInterfaces/join/action"]
    some = Arm(cloud, {**cloud.env, **cloud.ask("POST", "/principals", {"without": without})["env"]})
    refused = some("PUT", vm_path(arm), vm_body(nic))
    assert (refused.status, refused.code) == (403, "LinkedAuthorizationFailed")
    assert without[0] in refused.body["error"]["message"]
    assert nic in refused.body["error"]["message"]
    few = Arm(cloud, {**cloud.env, **cloud.ask("POST", "/principals", {"allow": ["*/read"]})["env"]})
    few("GET", arm.group(), expect=200)
    refused = few("PUT", arm.group(), {"location": "westus"})
    assert refused.code == "AuthorizationFailed"
    assert "'Microsoft.Resources/subscriptions/resourceGroups/write'" in refused.body["error"]["message"]
    assert (
        few("POST", f"{vm_path(arm)}/deallocate")
        .body["error"]["message"]
        .count("virtualMachines/deallocate/action")
        == 1
    )


def test_a_subscription_that_is_disabled_or_anothers(cloud: Simcloud, arm: Arm) -> None:
    cloud.ask("POST", "/behaviour", {"subscription_state": "Disabled"})
    assert arm("GET", "/subscriptions").body["value"][0]["state"] == "Disabled"
    assert arm("PUT", arm.group(), {"location": "westus"}).code == "ReadOnlyDisabledSubscription"
    assert (
        arm("GET", "/subscriptions/11111111-2222-4333-8444-555555555555/resourcegroups").code
        == "SubscriptionNotFound"
    )


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"location": "mars"}, "LocationNotAvailableForResourceType"),
        ({"size": "Standard_Z9"}, "InvalidParameter"),
        ({"size": "Standard_B2pls_v2"}, "InvalidParameter"),
        ({"key": "nonsense"}, "InvalidParameter"),
        ({"tags": {"a" * 513: ""}}, "InvalidTagName"),
        ({"tags": {"a": "b" * 257}}, "InvalidTagValueLength"),
        ({"tags": {f"t{number}": "" for number in range(51)}}, "TooManyTags"),
    ],
)
def test_a_vm_that_cant_be_meant_so(arm: Arm, change: dict, code: str) -> None:
    nic = interface(arm, "one", prepared(arm))
    location = change.pop("location", None)
    body = vm_body(nic, **change) | ({"location": location} if location else {})
    refused = arm("PUT", vm_path(arm), body)
    assert (refused.status, refused.code) == (400, code)
    assert arm.cloud.resources("disks") == []


def test_rules_that_cant_be_meant_so(arm: Arm) -> None:
    prepared(arm)
    path = arm.group("Microsoft.Network/networkSecurityGroups/mngr-nsg/securityRules/more")
    good = {**RULES[0]["properties"], "priority": 100}
    for change, code in (
        ({"sourceAddressPrefixes": []}, "SecurityRuleParameterContainsNoValue"),
        ({"sourceAddressPrefixes": ["10.0.0.0/99"]}, "SecurityRuleInvalidAddressPrefix"),
        ({"priority": 1000}, "SecurityRuleConflict"),
        ({"priority": 99}, "SecurityRuleInvalidPriority"),
        ({"destinationPortRange": "70000"}, "SecurityRuleInvalidPortRange"),
    ):
        assert arm("PUT", path, {"properties": {**good, **change}}).code == code
    arm.done("PUT", path, {"properties": good}, expect=201)


def test_a_put_of_the_whole_wipes_what_others_added(arm: Arm) -> None:
    subnet = prepared(arm)
    nsg = arm.group("Microsoft.Network/networkSecurityGroups/mngr-nsg")
    arm.done("PUT", f"{nsg}/securityRules/mine", {"properties": {**RULES[0]["properties"], "priority": 100}})
    prepared(arm)
    assert arm("GET", f"{nsg}/securityRules/mine").status == 404
    interface(arm, "one", subnet)
    network = {"location": "westus", "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}}
    assert arm("PUT", subnet.rpartition("/subnets/")[0], network).code == "InUseSubnetCannotBeDeleted"


def test_images_of_a_machine(cloud: Simcloud, arm: Arm) -> None:
    """Baked into a gallery, and machines made from it."""
    subnet = prepared(arm)
    vm = machine(arm, "base", subnet)
    gallery = arm.group("Microsoft.Compute/galleries/mngr")
    arm.done("PUT", gallery, {"location": "westus"}, expect=201)
    identifier = {"publisher": "mngr", "offer": "mngr", "sku": "base"}
    definition = {
        "location": "westus",
        "properties": {
            "osType": "Linux",
            "osState": "Specialized",
            "hyperVGeneration": "V2",
            "identifier": identifier,
        },
    }
    arm.done("PUT", f"{gallery}/images/base", definition, expect=201)
    source = {"storageProfile": {"source": {"virtualMachineId": vm["id"]}}}
    version = arm.done(
        "PUT",
        f"{gallery}/images/base/versions/1.0.0",
        {"location": "westus", "properties": source},
        expect=201,
    )
    assert version["properties"]["provisioningState"] == "Succeeded"
    assert arm("DELETE", f"{gallery}/images/base").code == "CannotDeleteResource"
    arm.done("PUT", f"{gallery}/images/other", definition, expect=201)
    listed = {
        name: arm("GET", f"{gallery}/images/{name}/versions").body["value"] for name in ("base", "other")
    }
    assert [len(one) for one in listed.values()] == [1, 0]
    assert arm("GET", f"{gallery}/images/none/versions").code == "ParentResourceNotFound"
    arm.done("DELETE", f"{gallery}/images/other", expect=202)
    for number, id in enumerate(
        (version["id"], f"{gallery}/images/base", f"{gallery}/images/base/versions/latest")
    ):
        body = vm_body(interface(arm, f"from{number}", subnet))
        body["properties"]["storageProfile"]["imageReference"] = {"id": id}
        assert (
            arm.done("PUT", vm_path(arm, f"from{number}"), body)["properties"]["provisioningState"]
            == "Succeeded"
        )
    image = arm.group("Microsoft.Compute/images/plain")
    asked = {"location": "westus", "properties": {"sourceVirtualMachine": {"id": vm["id"]}}}
    assert arm("PUT", image, asked).code == "OperationNotAllowed", "it isn't generalized"
    arm.done("POST", f"{vm_path(arm, 'base')}/deallocate")
    arm("POST", f"{vm_path(arm, 'base')}/generalize", expect=200)
    arm.done("PUT", image, asked, expect=201)
    assert arm("POST", f"{vm_path(arm, 'base')}/start").code == "OperationNotAllowed"
    assert {line["kind"] for line in cloud.bill()["lines"]} >= {"image"}
    for path in (image, f"{gallery}/images/base/versions/1.0.0", f"{gallery}/images/base", gallery):
        arm.done("DELETE", path, expect=202)


def test_a_disk_that_its_vm_left_is_attached_to_another(arm: Arm) -> None:
    subnet = prepared(arm)
    body = vm_body(interface(arm, "one", subnet))
    body["properties"]["storageProfile"]["osDisk"] |= {"deleteOption": "Detach", "name": "mine"}
    arm.done("PUT", vm_path(arm), body)
    arm.done("DELETE", vm_path(arm))
    disk = arm("GET", arm.group("Microsoft.Compute/disks/mine"), expect=200).body
    assert disk["properties"]["diskState"] == "Unattached"
    again = vm_body(interface(arm, "two", subnet))
    again["properties"]["storageProfile"] = {
        "osDisk": {"createOption": "Attach", "osType": "Linux", "managedDisk": {"id": disk["id"]}}
    }
    del again["properties"]["osProfile"]
    assert arm.done("PUT", vm_path(arm, "two"), again)["properties"]["provisioningState"] == "Succeeded"


def test_lists_have_pages(cloud: Simcloud, arm: Arm) -> None:
    prepared(arm)
    cloud.ask("POST", "/behaviour", {"page": 1})
    found, link = [], f"{arm.group()}/resources"
    while link:
        page = arm("GET", link, expect=200).body
        assert len(page["value"]) == 1
        found.append(page["value"][0]["name"])
        link = page.get("nextLink", "")
    assert sorted(found) == ["mngr-nsg", "mngr-vnet"]


def test_the_cloud_describes_itself(cloud: Simcloud) -> None:
    """As terraform (metadata_host) and az (cloud register) find out where to log in."""
    for version, whole in (("2022-09-01", True), ("2019-05-01", False)):
        answer = send("GET", f"{cloud.url}/metadata/endpoints?api-version={version}", None, {})
        body = answer.body if whole else answer.body[0]
        assert body["resourceManager"] == body["authentication"]["loginEndpoint"] == cloud.url
    found = send(
        "GET", f"{cloud.url}/{cloud.env['AZURE_TENANT_ID']}/v2.0/.well-known/openid-configuration", None, {}
    )
    assert send("GET", found.body["jwks_uri"], None, {}).body == {"keys": []}
