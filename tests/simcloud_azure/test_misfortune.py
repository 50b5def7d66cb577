"""What goes wrong at Azure: capacity, quota, late failures, reserved NICs, new identities, slow roles, haste, eviction."""

from __future__ import annotations

import pytest

from support.azure import Arm, interface, left, machine, power, prepared, vm_body, vm_path
from support.simcloud import Simcloud, until


@pytest.fixture
def slow(cloud: Simcloud) -> Simcloud:
    """Durations as in Azure, which pass by the movable clock only."""
    cloud.ask(
        "POST",
        "/behaviour",
        {"create_vm_s": 25, "fail_s": 60, "nic_reserved_s": 180, "principal_s": 10, "role_s": 120},
    )
    return cloud


def test_a_size_without_capacity_is_refused_and_its_nic_reserved(slow: Simcloud, arm: Arm) -> None:
    nic = interface(arm, "one", prepared(arm))
    slow.ask("POST", "/capacity", {"region": "westus", "size": "Standard_B2s", "is": "none"})
    refused = arm("PUT", vm_path(arm), vm_body(nic))
    assert (refused.status, refused.code) == (409, "SkuNotAvailable")
    assert "Standard_B2s" in refused.body["error"]["message"]
    assert "westus" in refused.body["error"]["message"]
    assert (arm("DELETE", nic).status, arm("DELETE", nic).code) == (400, "NicReservedForAnotherVm")
    assert (
        arm("PUT", vm_path(arm, "two"), vm_body(nic, size="Standard_B1s")).code == "NicReservedForAnotherVm"
    )
    assert arm("PUT", vm_path(arm), vm_body(nic, size="Standard_B1s")).status == 201, (
        "the VM that it is reserved for"
    )
    assert left(arm) == ["one", "one-ip", "one-nic", *[one["name"] for one in slow.resources("disks")]]


def test_a_reserved_nic_is_free_again(slow: Simcloud, arm: Arm) -> None:
    nic = interface(arm, "one", prepared(arm))
    slow.fault("sku_not_available", method="PUT", path="**/virtualMachines/*")
    assert arm("PUT", vm_path(arm), vm_body(nic)).code == "SkuNotAvailable"
    slow.advance(181)
    arm.done("DELETE", nic, expect=202)
    assert left(arm) == ["one-ip"]


def test_quota_names_limit_usage_and_need(cloud: Simcloud, arm: Arm) -> None:
    subnet = prepared(arm)
    machine(arm, "one", subnet)
    cloud.ask("POST", "/quota", {"region": "westus", "family": "standardBSFamily", "limit": 3})
    refused = arm("PUT", vm_path(arm, "two"), vm_body(interface(arm, "two", subnet)))
    assert (refused.status, refused.code) == (409, "OperationNotAllowed")
    for words in ("Current Limit: 3", "Current Usage: 2", "Additional Required: 2", "New Limit Required: 4"):
        assert words in refused.body["error"]["message"]
    spot = vm_body(interface(arm, "three", subnet), priority="Spot")
    assert arm.done("PUT", vm_path(arm, "three"), spot)["properties"]["provisioningState"] == "Succeeded"


@pytest.mark.parametrize("how", ["fault", "capacity"])
def test_a_late_failure_leaves_a_failed_vm_and_its_disk(slow: Simcloud, arm: Arm, how: str) -> None:
    nic = interface(arm, "one", prepared(arm))
    if how == "fault":
        slow.fault("late_failure", method="PUT", path="**/virtualMachines/*", how="AllocationFailed")
    else:
        slow.ask("POST", "/capacity", {"is": "late"})
    first = arm("PUT", vm_path(arm), vm_body(nic), expect=201)
    poll = first.headers["Azure-AsyncOperation"]
    assert arm("GET", poll).body["status"] == "InProgress"
    slow.advance(61)
    ended = arm("GET", poll, expect=200).body
    assert (ended["status"], ended["error"]["code"]) == ("Failed", "AllocationFailed")
    assert arm("GET", vm_path(arm)).body["properties"]["provisioningState"] == "Failed"
    lines = {line["kind"] for line in slow.bill()["lines"] if line["open"]}
    assert lines == {"disk", "address"}
    arm.done("DELETE", vm_path(arm), expect=202)
    assert left(arm) == []
    assert slow.bill()["open"] == 0


def test_a_failed_vm_is_tried_again_by_the_same_put(cloud: Simcloud, arm: Arm) -> None:
    nic = interface(arm, "one", prepared(arm))
    cloud.fault("late_failure", method="PUT", path="**/virtualMachines/*", how="ZonalAllocationFailed")
    assert arm.done("PUT", vm_path(arm), vm_body(nic))["code"] == "ZonalAllocationFailed"
    assert (
        arm.done("PUT", vm_path(arm), vm_body(nic), expect=200)["properties"]["provisioningState"]
        == "Succeeded"
    )
    assert power(arm) == "running"


def test_a_machine_that_never_boots_times_out_and_bills(slow: Simcloud, arm: Arm) -> None:
    slow.ask("POST", "/behaviour", {"provision_limit_s": 1200})
    slow.fault("boot_never", method="PUT", path="**/virtualMachines/*")
    nic = interface(arm, "one", prepared(arm))
    poll = arm("PUT", vm_path(arm), vm_body(nic), expect=201).headers["Azure-AsyncOperation"]
    slow.advance(1199)
    assert arm("GET", poll).body["status"] == "InProgress"
    slow.advance(2)
    assert arm("GET", poll).body["error"]["code"] == "OSProvisioningTimedOut"
    assert {line["kind"] for line in slow.bill()["lines"] if line["open"]} == {
        "virtualMachine",
        "disk",
        "address",
    }


def test_start_without_capacity_fails_late_and_leaves_it_deallocated(cloud: Simcloud, arm: Arm) -> None:
    machine(arm)
    arm.done("POST", f"{vm_path(arm)}/deallocate", expect=202)
    cloud.ask("POST", "/capacity", {"is": "none"})
    error = arm.done("POST", f"{vm_path(arm)}/start", expect=202)
    assert error["code"] == "AllocationFailed"
    assert power(arm) == "deallocated"
    cloud.ask("POST", "/capacity", {"is": "ok"})
    arm.done("POST", f"{vm_path(arm)}/start", expect=202)
    assert power(arm) == "running"


def test_a_new_identity_is_unknown_and_a_new_role_without_effect_for_a_while(
    slow: Simcloud, arm: Arm
) -> None:
    slow.ask("POST", "/behaviour", {"create_vm_s": 0, "principal_s": 600})
    vm = machine(arm)
    role = f"/subscriptions/{arm.sub}/providers/Microsoft.Authorization/roleDefinitions/9980e02c-c2be-4d73-94e8-173b1dc7cf3c"
    body = {
        "properties": {
            "roleDefinitionId": role,
            "principalId": vm["identity"]["principalId"],
            "principalType": "ServicePrincipal",
        }
    }
    path = (
        f"{vm['id']}/providers/Microsoft.Authorization/roleAssignments/c0ffee00-0000-4000-8000-000000000001"
    )
    refused = arm("PUT", path, body)
    assert (refused.status, refused.code) == (400, "PrincipalNotFound")
    slow.advance(601)
    arm("PUT", path, body, expect=201)
    inside = Arm(slow)
    inside.token = _token(slow, "one")
    refused = inside("POST", f"{vm['id']}/deallocate")
    assert (refused.status, refused.code) == (403, "AuthorizationFailed")
    assert f"over scope '{vm['id']}'" in refused.body["error"]["message"]
    slow.advance(121)
    inside("POST", f"{vm['id']}/deallocate", expect=202)
    assert inside("GET", arm.group()).status == 403, "the role is at the VM only"


def _token(cloud: Simcloud, vm: str) -> str:
    """As the machine's metadata service gives it."""
    target = "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fmanagement.azure.com%2F"
    answer = cloud.ask("POST", "/imds", {"vm": vm, "target": target})
    assert answer["status"] == 200, answer
    return answer["body"]["access_token"]


def test_haste_is_held_up(cloud: Simcloud, arm: Arm) -> None:
    arm("GET", "/subscriptions", expect=200)
    cloud.ask("POST", "/throttle", {"bucket": "reads", "left": 2})
    first = arm("GET", "/subscriptions", expect=200)
    assert first.headers["x-ms-ratelimit-remaining-subscription-reads"] == "1"
    cloud.ask("POST", "/throttle", {"bucket": "reads", "left": -50})
    refused = arm("GET", "/subscriptions")
    assert (refused.status, refused.code, refused.headers["Retry-After"]) == (
        429,
        "SubscriptionRequestsThrottled",
        "3",
    )
    assert arm("PUT", arm.group(), {"location": "westus"}).status == 201, "writes have a bucket of their own"
    cloud.fault("throttle", method="PUT", retry_after_s=7)
    refused = arm("PUT", arm.group(), {"location": "westus"})
    assert (refused.status, refused.code, refused.headers["Retry-After"]) == (429, "TooManyRequests", "7")


@pytest.mark.parametrize("policy", ["Delete", "Deallocate"])
def test_spot_is_evicted_after_a_notice(cloud: Simcloud, arm: Arm, policy: str) -> None:
    vm = machine(arm, priority="Spot", evictionPolicy=policy)
    cloud.ask("POST", "/behaviour", {"eviction_notice_s": 30, "activity_lag_s": 0})
    cloud.ask("POST", "/evict", {"vm": "one"})
    notice = cloud.ask(
        "POST", "/imds", {"vm": "one", "target": "/metadata/scheduledevents?api-version=2020-07-01"}
    )
    assert [event["EventType"] for event in notice["body"]["Events"]] == ["Preempt"]
    assert power(arm) == "running"
    cloud.advance(31)
    if policy == "Delete":
        assert arm("GET", vm["id"]).status == 404
        assert left(arm) == []
    else:
        assert power(arm) == "deallocated"
    assert not [line for line in cloud.bill()["lines"] if line["kind"] == "virtualMachine" and line["open"]]
    query = f"$filter=eventTimestamp ge '2020-01-01T00:00:00Z' and resourceUri eq '{vm['id']}'"
    events = arm(
        "GET", f"/subscriptions/{arm.sub}/providers/Microsoft.Insights/eventtypes/management/values?{query}"
    ).body["value"]
    assert "evict" in events[0]["operationName"]["value"]


def test_a_group_is_deleted_with_all_that_is_in_it(slow: Simcloud, arm: Arm) -> None:
    slow.ask("POST", "/behaviour", {"create_vm_s": 0, "delete_group_s": 60})
    machine(arm)
    location = arm("DELETE", arm.group(), expect=202).headers["Location"]
    refused = arm("PUT", arm.group("Microsoft.Network/virtualNetworks/late"), {"location": "westus"})
    assert (refused.status, refused.code) == (409, "ResourceGroupBeingDeleted")
    assert arm("GET", location).status == 202
    slow.advance(61)
    assert arm("GET", location).status in (200, 204)
    slow.settle()
    assert left(arm) == []
    assert slow.bill()["open"] == 0


def test_a_lost_answer_is_adopted_by_the_same_put(slow: Simcloud, arm: Arm) -> None:
    nic = interface(arm, "one", prepared(arm))
    slow.fault("lose_answer", method="PUT", path="**/virtualMachines/*")
    with pytest.raises(OSError):
        arm("PUT", vm_path(arm), vm_body(nic))
    again = arm("PUT", vm_path(arm), vm_body(nic), expect=201)
    slow.advance(26)
    assert until(
        lambda: arm("GET", again.headers["Azure-AsyncOperation"]).body["status"] == "Succeeded", "it"
    )
    assert len(slow.resources("virtualMachines")) == 1


def test_a_delete_that_fails_late_leaves_what_it_was_to_delete(cloud: Simcloud, arm: Arm) -> None:
    vm = machine(arm)
    cloud.fault("late_failure", method="DELETE", path="**/virtualMachines/*")
    poll = arm("DELETE", vm["id"], expect=202).headers["Azure-AsyncOperation"]
    ended = until(lambda: (one := arm("GET", poll).body)["status"] != "InProgress" and one, "its end")
    assert (ended["status"], ended["error"]["code"]) == ("Failed", "InternalServerError")
    assert arm("GET", vm["id"]).body["properties"]["provisioningState"] == "Failed"
    arm.done("DELETE", vm["id"], expect=202)
    assert left(arm) == []


def test_a_newer_operation_takes_the_place_of_an_older_one(slow: Simcloud, arm: Arm) -> None:
    """And no bill is lost or double: made, deallocated and started at once."""
    slow.ask("POST", "/behaviour", {"stop_s": 20, "start_s": 20})
    nic = interface(arm, "one", prepared(arm))
    polls = [arm("PUT", vm_path(arm), vm_body(nic), expect=201).headers["Azure-AsyncOperation"]]
    for verb in ("deallocate", "start", "deallocate", "start"):
        polls.append(arm("POST", f"{vm_path(arm)}/{verb}", expect=202).headers["Azure-AsyncOperation"])
    for poll in polls[:-1]:
        assert arm("GET", poll).body["error"]["code"] == "OperationPreempted"
    slow.settle()
    slow.advance(21)
    assert arm("GET", polls[-1]).body["status"] == "Succeeded"
    assert power(arm) == "running"
    assert [line["open"] for line in slow.bill()["lines"] if line["kind"] == "virtualMachine"] == [True]
    arm("POST", f"{vm_path(arm)}/deallocate", expect=202)
    arm("DELETE", vm_path(arm), expect=202)
    slow.ask("POST", "/evict", {"vm": "one"})
    slow.advance(60)
    assert left(arm) == [], "and an eviction meanwhile changes nothing"
