"""What can go wrong on order, and that it truly does."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from support.simcloud import Simcloud, send

ORDER = {"region": "ewr", "plan": "vc2-1c-1gb", "os_id": 2136}


def test_error_takes_effect_nowhere(cloud: Simcloud) -> None:
    cloud.fault("error", method="POST", path="/instances", status=503)
    assert cloud.api("POST", "/instances", ORDER)[0] == 503
    assert cloud.resources() == []
    assert cloud.api("POST", "/instances", ORDER)[0] == 202


def test_error_with_a_body_of_its_own(cloud: Simcloud) -> None:
    cloud.fault("error", path="/account", status=500, body={"any": "thing"})
    assert cloud.api("GET", "/account") == (500, {"any": "thing"})


def test_lost_answer_leaves_a_bill(cloud: Simcloud) -> None:
    cloud.fault("lose_answer", method="POST", path="/instances")
    with pytest.raises(OSError, match=r"Remote end closed|Connection reset"):
        cloud.api("POST", "/instances", ORDER)
    assert len(cloud.resources("instance")) == 1
    assert cloud.calls()[-1]["outcome"] == "lost"


def test_timeout_before_and_after_the_commit(cloud: Simcloud) -> None:
    headers = {"Authorization": f"Bearer {cloud.env['VULTR_API_KEY']}"}
    for how, made in (("", 0), ("after_commit", 1)):
        cloud.fault("timeout", method="POST", path="/instances", how=how)
        with pytest.raises(OSError, match="timed out"):
            send("POST", cloud.url + "/instances", ORDER, headers, limit_s=0.3)
        assert len(cloud.resources("instance")) == made


def test_delay(cloud: Simcloud) -> None:
    cloud.fault("delay", path="/account", delay_s=0.3)
    began = time.monotonic()
    assert cloud.api("GET", "/account")[0] == 200
    assert time.monotonic() - began >= 0.3


def test_throttle(cloud: Simcloud) -> None:
    cloud.fault("throttle", path="/account", retry_after_s=7)
    assert cloud.api("GET", "/account")[0] == 429
    assert cloud.api("GET", "/account")[0] == 200


def test_nth_and_times(cloud: Simcloud) -> None:
    cloud.fault("error", path="/account", nth=2, times=2)
    assert [cloud.api("GET", "/account")[0] for _ in range(5)] == [200, 500, 500, 200, 200]
    cloud.fault("error", path="/account", times=None)
    assert {cloud.api("GET", "/account")[0] for _ in range(3)} == {500}
    cloud.ask("DELETE", "/faults")
    assert cloud.api("GET", "/account")[0] == 200


@pytest.mark.parametrize(
    ("path", "fits"),
    [
        ("/account", True),
        ("/v2/account", True),
        ("/acc*", True),
        ("*", False),
        ("**", True),
        ("re:/v2/a.*", True),
    ],
)
def test_paths_are_globs_or_regular_expressions(cloud: Simcloud, path: str, fits: bool) -> None:
    cloud.fault("error", path=path)
    assert cloud.api("GET", "/account")[0] == (500 if fits else 200)


def test_a_call_can_be_chosen_by_its_body(cloud: Simcloud) -> None:
    cloud.ask("POST", "/faults", {"do": "error", "match": {"method": "POST", "contains": '"second"'}})
    assert cloud.api("POST", "/instances", {**ORDER, "label": "first"})[0] == 202
    assert cloud.api("POST", "/instances", {**ORDER, "label": "second"})[0] == 500


def test_a_lagging_list_shows_the_past(cloud: Simcloud, order: Callable[..., dict[str, Any]]) -> None:
    cloud.fault("stale", method="GET", path="/instances", lag_s=30, times=None)
    instance = order()

    def listed() -> list[dict[str, Any]]:
        return cloud.api("GET", "/instances")[1]["instances"]

    assert listed() == []
    assert cloud.api("GET", f"/instances/{instance['id']}")[0] == 200
    cloud.advance(31)
    assert [one["id"] for one in listed()] == [instance["id"]]
    cloud.api("DELETE", f"/instances/{instance['id']}")
    assert [one["id"] for one in listed()] == [instance["id"]]
    cloud.advance(31)
    assert listed() == []


def test_no_capacity_costs_nothing(cloud: Simcloud) -> None:
    cloud.fault("no_capacity", method="POST", path="/instances")
    status, answer = cloud.api("POST", "/instances", ORDER)
    assert (status, answer["status"]) == (400, 400)
    assert cloud.bill()["lines"] == []


def test_a_machine_that_never_boots_is_billed(cloud: Simcloud) -> None:
    cloud.fault("boot_never", method="POST", path="/instances")
    id = cloud.api("POST", "/instances", ORDER)[1]["instance"]["id"]
    cloud.settle()
    cloud.advance(3600)
    instance = cloud.api("GET", f"/instances/{id}")[1]["instance"]
    assert (instance["status"], instance["main_ip"]) == ("pending", "0.0.0.0")
    assert cloud.bill()["open"] == 1
    assert cloud.api("DELETE", f"/instances/{id}")[0] == 204
    assert cloud.bill()["open"] == 0


def test_a_slow_boot_goes_by_the_clouds_clock(cloud: Simcloud) -> None:
    cloud.fault("slow_boot", method="POST", path="/instances", delay_s=600)
    id = cloud.api("POST", "/instances", ORDER)[1]["instance"]["id"]
    assert cloud.busy()
    cloud.advance(601)
    cloud.settle(5)
    assert cloud.api("GET", f"/instances/{id}")[1]["instance"]["status"] == "active"


def test_a_fault_that_means_nothing_is_refused(cloud: Simcloud) -> None:
    for order, complaint in (
        ({"do": "sing"}, "do is one of"),
        ({"do": "error", "mach": {}}, "unknown mach"),
        ({"do": "error", "match": {"verb": "GET"}}, "unknown verb"),
        ({"do": "error", "match": {"path": "re:("}}, "unterminated"),
    ):
        with pytest.raises(ValueError, match=complaint):
            cloud.ask("POST", "/faults", order)
