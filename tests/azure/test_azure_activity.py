"""Who ended a VM, by Azure's activity log: asked once, within seconds, and nothing fails for it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from mngr.backends.azure.activity import EMPTY_S, FRESH_S, PATH, last
from mngr.backends.azure.arm import Arm
from mngr.backends.azure.cloud import AzureCloud
from mngr.backends.azure.config import AzureConfig
from mngr.backends.azure.offers import Offers
from mngr.backends.azure.prices import Prices
from support import azure as other
from support.azure import Here
from support.wire import SkippingClock

ID = "/subscriptions/s/resourceGroups/mngr/providers/Microsoft.Compute/virtualMachines/box"
LAG_S = 60


@pytest.fixture
def sim():
    with Here("--speed", "20", "--registered") as running:
        running.ask("POST", "/behaviour", {"bucket": "off", "activity_lag_s": LAG_S, "role_s": 0})
        yield running


@pytest.fixture
def cloud(arm: Arm, clock: SkippingClock, tmp_path: Path) -> AzureCloud:
    return made(arm, clock, tmp_path)


def made(arm: Arm, clock: SkippingClock, folder: Path) -> AzureCloud:
    offers = Offers(arm, Prices("http://127.0.0.1:9", folder, clock))
    return AzureCloud(arm, AzureConfig(), lambda: offers, clock, folder)


def asked(sim: Here) -> int:
    return len([one for one in sim.calls() if one["path"].split("?")[0].endswith(PATH)])


def by_itself(sim: Here, theirs: other.Arm, vm: dict[str, Any]) -> None:
    """Deallocates a VM by its own identity, which may do so at its own scope."""
    role = f"/subscriptions/{theirs.sub}/providers/Microsoft.Authorization/roleDefinitions/9980e02c-c2be-4d73-94e8-173b1dc7cf3c"
    body = {"properties": {"roleDefinitionId": role, "principalId": vm["identity"]["principalId"]}}
    at = f"{vm['id']}/providers/Microsoft.Authorization/roleAssignments/7b0b3c5e-6d57-5c8c-9a55-000000000001"
    sim.advance(20)
    theirs("PUT", at, body, expect=201)
    target = "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://management.azure.com/"
    own = other.Arm(sim)
    own.token = sim.ask("POST", "/imds", {"vm": vm["id"], "target": target})["body"]["access_token"]
    assert own("POST", f"{vm['id']}/deallocate").status == 202
    sim.advance(60)


def test_a_vm_that_deallocated_itself_and_one_that_a_person_did(
    sim: Here, theirs: other.Arm, cloud: AzureCloud
) -> None:
    subnet = other.prepared(theirs)
    by_itself(sim, theirs, other.machine(theirs, "one", subnet))
    other.machine(theirs, "two", subnet)
    before = sim.now()
    theirs.done("POST", f"{other.vm_path(theirs, 'two')}/deallocate")
    sim.advance(2 * LAG_S)
    assert {one.name for one in cloud.find({})} == {"one", "two"}
    first, second = cloud.ended("one"), cloud.ended("two")
    assert first
    assert first.by == "itself"
    assert second
    assert second.by == "person"
    assert before - 1 <= second.at <= sim.now() - LAG_S
    assert (
        second.who
        == next(one for one in sim.ask("GET", "/principals")["principals"] if not one["vm"])["object_id"]
    )


def test_it_is_asked_once_in_a_while_and_anew_after_a_start(
    sim: Here, theirs: other.Arm, cloud: AzureCloud, arm: Arm, clock: SkippingClock, tmp_path: Path
) -> None:
    path = f"{other.vm_path(theirs)}"
    other.machine(theirs)
    theirs.done("POST", f"{path}/deallocate")
    assert cloud.ended("one") is None  # the log isn't that far yet
    assert cloud.ended("one") is None
    assert asked(sim) == 1
    clock.sleep(max(EMPTY_S, LAG_S) + 1)
    said = cloud.ended("one")
    assert said
    assert made(arm, clock, tmp_path).ended("one") == said  # another process
    assert asked(sim) == 2
    clock.sleep(FRESH_S + 1)
    assert cloud.ended("one") == said
    assert asked(sim) == 3
    theirs.done("POST", f"{path}/start")
    assert cloud.get("one").state == "running"
    theirs.done("POST", f"{path}/deallocate")
    clock.sleep(LAG_S + 30)
    again = cloud.ended("one")
    assert again
    assert again.at > said.at
    assert asked(sim) == 4


def test_one_that_was_evicted_and_one_that_was_deleted(
    sim: Here, theirs: other.Arm, cloud: AzureCloud
) -> None:
    subnet = other.prepared(theirs)
    for name in ("one", "two"):
        other.machine(theirs, name, subnet, priority="Spot", evictionPolicy="Delete")
    assert all(cloud.get(name).spot for name in ("one", "two"))
    sim.ask("POST", "/evict", {"vm": "one"})
    sim.advance(31)
    theirs("GET", "/subscriptions")
    at = sim.now()
    theirs.done("DELETE", other.vm_path(theirs, "two"))
    sim.advance(2 * LAG_S)
    first, second = cloud.ended("one", gone=True), cloud.ended("two", gone=True)
    assert first
    assert (first.by, abs(first.at - at) < 5) == ("cloud", True)
    assert second
    assert second.by == "person"


@pytest.mark.parametrize("trouble", ["error", "timeout"])
def test_a_log_that_cant_be_read_is_no_trouble(
    sim: Here, theirs: other.Arm, cloud: AzureCloud, trouble: str
) -> None:
    other.machine(theirs)
    theirs.done("POST", f"{other.vm_path(theirs)}/deallocate")
    sim.advance(2 * LAG_S)
    sim.fault(trouble, path="**/eventtypes/management/values", times=9)
    began = time.monotonic()
    assert cloud.ended("one") is None
    assert time.monotonic() - began < 6


def event(
    action: str, at: int, status: str = "Succeeded", operation: str = "", **claims: str
) -> dict[str, Any]:
    return {
        "operationName": {"value": f"Microsoft.Compute/virtualMachines/{action}"},
        "status": {"value": status},
        "eventTimestamp": f"2026-11-29T08:00:{at:02}.1234567Z",
        "correlationId": operation or f"{action}{at}",
        "caller": "me@example.com",
        "claims": claims,
        "resourceId": ID.upper(),
    }


@pytest.mark.parametrize(
    ("rows", "gone", "by"),
    [
        ([], False, ""),
        ([event("deallocate/action", 1)], False, "person"),
        ([event("deallocate/action", 1, xms_mirid=ID.upper())], False, "itself"),
        ([event("deallocate/action", 1, "Accepted")], False, "person"),
        (
            [event("deallocate/action", 1, "Accepted", "o"), event("deallocate/action", 2, "Failed", "o")],
            False,
            "",
        ),
        ([event("deallocate/action", 1), event("start/action", 2)], False, ""),
        ([event("deallocate/action", 1), event("start/action", 2, "Failed")], False, "person"),
        ([event("deallocate/action", 1), event("write", 2), event("powerOff/action", 3)], False, "person"),
        ([event("deallocate/action", 1)], True, ""),
        ([event("deallocate/action", 1), event("evictSpotVM/action", 2)], False, "cloud"),
        ([event("evictSpotVM/action", 1), event("write", 2)], True, "cloud"),
        ([event("evictSpotVM/action", 1), event("delete", 2)], True, "cloud"),
        ([event("delete", 2)], True, "person"),
        ([event("powerOff/action", 1, xms_mirid=ID)], False, ""),
        ([None, 7, {}, {"operationName": None}, event("deallocate/action", 1)], False, "person"),
        ([{**event("deallocate/action", 1), "resourceId": f"{ID}2"}], False, ""),
        ([{**event("deallocate/action", 1), "eventTimestamp": "soon"}], False, ""),
    ],
)
def test_what_events_say(rows: list[Any], gone: bool, by: str) -> None:
    found = last(rows, ID, "", gone)
    assert (found.by if found else "") == by
