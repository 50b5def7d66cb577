"""What the schema can't say: who may call, what is refused, how lists go on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from support.simcloud import Simcloud, send

ORDER = {"region": "ewr", "plan": "vc2-1c-1gb", "os_id": 2136}


def test_a_wrong_key_is_turned_away(cloud: Simcloud) -> None:
    assert cloud.api("GET", "/instances", key="wrong") == (
        401,
        {"error": "Invalid API token.", "status": 401},
    )
    assert cloud.api("GET", "/account", key="")[0] == 401
    assert cloud.api("GET", "/plans", key="")[0] == 200


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"plan": "vc2-none"}, "Invalid plan chosen."),
        ({"region": "moon"}, "Invalid region chosen."),
        ({"plan": "voc-g-2c-8gb-50s-amd", "region": "syd"}, "Plan is not available in the selected region."),
        ({"os_id": 1}, "Invalid OS chosen."),
        ({"os_id": None}, "Exactly one of os_id, iso_id, snapshot_id, app_id, image_id is required."),
        ({"os_id": None, "snapshot_id": "none"}, "Invalid snapshot chosen."),
        ({"user_data": "not base64"}, "Invalid user_data: must be base64 encoded."),
        ({"sshkey_id": ["none"]}, "Invalid SSH key ID."),
    ],
)
def test_a_bad_order_is_refused_and_costs_nothing(
    cloud: Simcloud, change: dict[str, Any], complaint: str
) -> None:
    assert cloud.api("POST", "/instances", {**ORDER, **change}) == (400, {"error": complaint, "status": 400})
    assert cloud.bill()["lines"] == []


def test_the_same_order_twice_is_two_instances(cloud: Simcloud) -> None:
    ids = {cloud.api("POST", "/instances", {**ORDER, "label": "same"})[1]["instance"]["id"] for _ in range(2)}
    assert len(ids) == 2


def test_lists_go_on_by_cursor_while_they_change(
    cloud: Simcloud, order: Callable[..., dict[str, Any]]
) -> None:
    made = [order(label=f"n{number}")["id"] for number in range(5)]
    _, first = cloud.api("GET", "/instances?per_page=2")
    assert first["meta"]["total"] == 5
    cloud.api("DELETE", f"/instances/{made[0]}")
    _, second = cloud.api("GET", f"/instances?per_page=2&cursor={first['meta']['links']['next']}")
    _, third = cloud.api("GET", f"/instances?per_page=2&cursor={second['meta']['links']['next']}")
    pages = [first, second, third]
    assert [one["id"] for page in pages for one in page["instances"]] == made
    assert third["meta"]["links"]["next"] == ""
    assert cloud.api("GET", "/instances?cursor=bad!")[0] == 400


def test_lists_are_filtered(cloud: Simcloud, order: Callable[..., dict[str, Any]]) -> None:
    one, two = order(label="one", tags=["mngr", "x"]), order(label="two", tags=["mngr"], region="fra")

    def found(query: str) -> list[str]:
        return [instance["id"] for instance in cloud.api("GET", f"/instances?{query}")[1]["instances"]]

    assert found("tag=mngr") == [one["id"], two["id"]]
    assert found("tag=x") == [one["id"]]
    assert found("label=two") == found("region=fra") == found(f"main_ip={two['main_ip']}") == [two["id"]]
    assert found("tag=mng") == []


def test_machines_have_addresses_of_their_own(cloud: Simcloud, order: Callable[..., dict[str, Any]]) -> None:
    with Simcloud("vultr", "--machines", "fake") as other:
        _, answer = other.api("POST", "/instances", ORDER)
        other.settle()
        theirs = other.api("GET", f"/instances/{answer['instance']['id']}")[1]["instance"]["main_ip"]
        assert len({order()["main_ip"], order()["main_ip"], theirs}) == 3


def test_more_than_thirty_requests_a_second_are_throttled() -> None:
    with Simcloud("vultr", "--machines", "fake", "--rate-limit", "30") as cloud:
        statuses = [cloud.api("GET", "/account")[0] for _ in range(40)]
        assert statuses[:30] == [200] * 30
        assert 429 in statuses[30:]


def test_delivery_can_take_its_time() -> None:
    with Simcloud("vultr", "--machines", "fake", "--delivery-s", "90") as cloud:
        id = cloud.api("POST", "/instances", ORDER)[1]["instance"]["id"]
        assert cloud.api("GET", f"/instances/{id}")[1]["instance"]["status"] == "pending"
        assert cloud.busy()
        cloud.advance(91)
        cloud.settle(5)
        assert cloud.api("GET", f"/instances/{id}")[1]["instance"]["status"] == "active"


def test_the_password_is_shown_for_ten_minutes(cloud: Simcloud, order: Callable[..., dict[str, Any]]) -> None:
    instance = order()
    assert instance["default_password"]
    cloud.advance(601)
    assert "default_password" not in cloud.api("GET", f"/instances/{instance['id']}")[1]["instance"]


def test_calls_are_recorded_without_secrets(cloud: Simcloud) -> None:
    cloud.api("POST", "/instances", {**ORDER, "user_data": "c2VjcmV0"})
    call = cloud.calls()[-1]
    assert (call["method"], call["path"], call["status"]) == ("POST", "/v2/instances", 202)
    assert call["body"]["user_data"] == "<hidden, 8 characters>"
    assert cloud.env["VULTR_API_KEY"] not in str(cloud.calls())


def test_nonsense_is_answered_not_crashed_on(cloud: Simcloud) -> None:
    assert cloud.api("POST", "/instances", [1])[0] == 400
    assert cloud.api("POST", "/instances", {**ORDER, "tags": "x"})[0] == 400
    assert cloud.api("PUT", "/instances")[0] == 405
    assert cloud.api("GET", "/nothing")[0] == 404
    assert send("GET", cloud.control_url + "/nothing", None, {})[0] == 404
    assert send("POST", cloud.control_url + "/faults", {"do": "sing"}, {})[0] == 400


def test_it_ends_with_its_starter(cloud: Simcloud) -> None:
    assert cloud.process.stdin
    cloud.process.stdin.close()
    assert cloud.process.wait(5) == 0
