"""What things cost, by a clock that the test moves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mngr.simcloud.bill import HOURS_PER_MONTH, Hourly, Monthly, Stored
from support.simcloud import Simcloud, until

HOUR = 3600


def test_hours_begun_up_to_the_months_cap() -> None:
    rate = Hourly(per_hour=0.007, per_month=5)
    assert rate.cost(0) == 0.007
    assert rate.cost(1.01) == 0.014
    assert rate.cost(HOURS_PER_MONTH - 1) == 5
    assert rate.cost(HOURS_PER_MONTH + 1) == pytest.approx(5.007)


def test_months_begun() -> None:
    assert Monthly(4).cost(1) == 4
    assert Monthly(4).cost(HOURS_PER_MONTH + 1) == 8


def test_stored_gigabytes() -> None:
    assert Stored(10, 0.05).cost(HOURS_PER_MONTH) == 0.5


def test_a_halted_instance_bills_on_and_a_deleted_one_does_not(
    cloud: Simcloud, order: Callable[..., dict[str, Any]]
) -> None:
    id = order(label="mine", tags=["host=1"])["id"]
    cloud.advance(9.5 * HOUR)
    cloud.api("POST", f"/instances/{id}/halt")
    cloud.advance(10 * HOUR)
    (line,) = cloud.bill()["lines"]
    assert (line["name"], line["tags"], line["open"]) == ("mine", ["host=1"], True)
    assert line["cost"] == pytest.approx(20 * 0.007)
    cloud.api("DELETE", f"/instances/{id}")
    cloud.advance(100 * HOUR)
    (line,) = cloud.bill()["lines"]
    assert (line["open"], line["cost"]) == (False, pytest.approx(20 * 0.007))
    assert cloud.bill()["open"] == 0
    assert cloud.resources() == []


def test_resources_say_what_they_cost_so_far(cloud: Simcloud, order: Callable[..., dict[str, Any]]) -> None:
    order(plan="vc2-2c-4gb", tags=["a"])
    cloud.advance(2.5 * HOUR)
    (resource,) = cloud.resources("instance")
    assert (resource["cost"], resource["tags"]) == (pytest.approx(0.09), ["a"])


def test_a_line_follows_its_instances_tags(cloud: Simcloud, order: Callable[..., dict[str, Any]]) -> None:
    id = order(tags=["old"])["id"]
    cloud.api("PATCH", f"/instances/{id}", {"tags": ["new"]})
    assert cloud.bill()["lines"][0]["tags"] == ["new"]


def test_a_snapshot_is_billed_until_it_is_deleted(
    cloud: Simcloud, order: Callable[..., dict[str, Any]]
) -> None:
    id = cloud.api("POST", "/snapshots", {"instance_id": order()["id"]})[1]["snapshot"]["id"]
    until(lambda: cloud.api("GET", f"/snapshots/{id}")[1]["snapshot"]["status"] == "complete", "the copy")
    cloud.advance(HOURS_PER_MONTH * HOUR)

    def line() -> dict[str, Any]:
        return next(line for line in cloud.bill()["lines"] if line["kind"] == "snapshot")

    assert line()["cost"] == pytest.approx(2 * 0.05, rel=0.01)
    cloud.api("DELETE", f"/snapshots/{id}")
    assert not line()["open"]
