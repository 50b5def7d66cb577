"""Vultr as a Cloud, against the simulated one: what is bought, found again, bought twice never, and given back."""

from __future__ import annotations

import time

import msgspec
import pytest

from mngr.backends.vultr.client import CALL_TIMEOUT_S, VultrClient
from mngr.backends.vultr.cloud import VultrCloud
from mngr.backends.vultr.parse import machine, split_tags, status
from mngr.model.errors import InvalidInput, NotFound, Unreadable
from mngr.vps_docker.errors import VpsApiError, VpsApiNoAnswer
from mngr.vps_docker.vps_client import Gone, Handle, Later, MachineSpec
from support.simcloud import Simcloud
from support.wire import Recorder, SkippingClock

HOST = "host-0123456789abcdef"


class Saved(dict[str, str]):
    """A handle as the journal would keep it, with every save remembered."""

    def __init__(self) -> None:
        super().__init__()
        self.saves: list[Handle] = []

    def __call__(self, more: Handle) -> None:
        self.saves.append(dict(more))
        self.update(more)


def settled(sim: Simcloud) -> list[dict]:
    sim.settle()
    return sim.resources("instance")


def posts(sim: Simcloud) -> int:
    return len([c for c in sim.calls() if c["method"] == "POST" and c["path"].endswith("/instances")])


# --- checking -----------------------------------------------------------------------------------------------------


def test_each_offer_has_the_price_of_its_time(cloud: VultrCloud, sim: Simcloud, spec: MachineSpec) -> None:
    for _ in range(2):
        before = len(sim.calls())
        cloud.check(spec)
        assert {call["path"].rpartition("/")[2] for call in sim.calls()[before:]} == {
            "regions",
            "plans",
            "os",
        }


def test_an_offer_has_the_price(cloud: VultrCloud, spec: MachineSpec) -> None:
    offer = cloud.check(spec)
    assert (offer.per_hour, offer.per_month, offer.image) == (0.007, 5, "Debian 12 x64 (bookworm)")
    assert (offer.cpus, offer.memory_gb, offer.disk_gb) == (1, 1, 25)


@pytest.mark.parametrize(
    ("changes", "message", "hint"),
    [
        ({"plan": "vc2-1c-1bg"}, "Vultr knows no plan 'vc2-1c-1bg'", "did you mean vc2-1c-1gb?"),
        ({"region": "xxx"}, "Vultr knows no region 'xxx'", "valid: ewr, ord"),
        ({"image": "1"}, "Vultr knows no os '1'", "2136 (Debian 12 x64 (bookworm))"),
        ({"plan": "vc2-1c-0.5gb-v6", "region": "fra"}, "Vultr has no vc2-1c-0.5gb-v6 in fra", "ewr, atl"),
        ({"options": {"snapshot_id": "nope"}}, "Vultr knows no snapshot 'nope'", "--vps-snapshot"),
    ],
)
def test_mistakes_name_the_valid_choices_and_spend_nothing(
    cloud: VultrCloud, sim: Simcloud, spec: MachineSpec, changes: dict, message: str, hint: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        cloud.check(msgspec.structs.replace(spec, **changes))
    assert caught.value.message == message
    assert hint in caught.value.hint
    assert posts(sim) == 0


# --- buying -------------------------------------------------------------------------------------------------------


def test_the_order_names_its_owner_and_each_paid_call_is_between_two_saves(
    cloud: VultrCloud, sim: Simcloud, spec: MachineSpec
) -> None:
    saved = Saved()
    made = cloud.create(spec, {}, saved, print)
    assert made is not None
    assert list(saved.saves[0]) == ["id", "asked_at", "lost_at"]
    assert saved.saves[-1] == {"id": made.id}
    (instance,) = settled(sim)
    assert split_tags(instance["tags"]) == spec.tags
    assert instance["name"] == spec.name


def test_a_repeat_goes_on_with_what_was_bought(cloud: VultrCloud, sim: Simcloud, spec: MachineSpec) -> None:
    saved = Saved()
    first = cloud.create(spec, {}, saved, print)
    again = cloud.create(spec, saved, saved, print)
    assert first is not None
    assert again is not None
    assert first.id == again.id
    assert posts(sim) == 1


def test_an_order_that_nobody_remembers_is_adopted_by_its_tag(
    cloud: VultrCloud, sim: Simcloud, spec: MachineSpec
) -> None:
    first = cloud.create(spec, {}, Saved(), print)
    again = cloud.create(spec, {}, Saved(), print)
    assert first is not None
    assert again is not None
    assert first.id == again.id
    assert len(settled(sim)) == 1


@pytest.mark.parametrize("how", ["lose_answer", "timeout"])
def test_a_lost_answer_buys_once(sim: Simcloud, spec: MachineSpec, clock: SkippingClock, how: str) -> None:
    key = sim.env["VULTR_API_KEY"]
    cloud = VultrCloud(VultrClient(key, api_url=sim.url, clock=clock, timeout=0.5), clock)
    more = {"how": "after_commit"} if how == "timeout" else {}
    sim.fault(how, method="POST", path="/instances", **more)
    saved = Saved()
    made = cloud.create(spec, {}, saved, print)
    assert made is not None
    assert saved["id"] == made.id
    assert posts(sim) == 1
    assert len(settled(sim)) == 1


def test_a_lost_answer_and_a_list_that_lags_buy_once(
    cloud: VultrCloud, sim: Simcloud, spec: MachineSpec, clock: SkippingClock
) -> None:
    sim.fault("lose_answer", method="POST", path="/instances")
    sim.fault("stale", method="GET", path="/instances", nth=2, times=3, lag_s=60)
    assert cloud.create(spec, {}, Saved(), print) is not None
    assert posts(sim) == 1
    assert clock.skipped >= 2


def test_an_order_that_wasnt_carried_out_is_made_again_only_after_the_list_had_time(
    cloud: VultrCloud, sim: Simcloud, spec: MachineSpec, clock: SkippingClock
) -> None:
    sim.fault("error", method="POST", path="/instances", status=500)
    assert cloud.create(spec, {}, Saved(), print) is not None
    assert posts(sim) == 2
    assert clock.skipped >= cloud.caps.list_lag_s - 1
    assert len(settled(sim)) == 1


def test_a_process_that_died_in_the_order_is_gone_on_with(
    cloud: VultrCloud, sim: Simcloud, spec: MachineSpec, clock: SkippingClock
) -> None:
    """Its order may still be on its way: the list is watched for the call's time-out and the list's lag."""
    handle = {"asked_at": str(cloud.now()), "lost_at": ""}
    assert cloud.create(spec, handle, Saved(), print) is not None
    assert clock.skipped >= CALL_TIMEOUT_S + cloud.caps.list_lag_s - 2


def test_orders_that_never_get_an_answer_end_with_a_message(
    cloud: VultrCloud, sim: Simcloud, spec: MachineSpec
) -> None:
    sim.fault("error", method="POST", path="/instances", times=None, status=500)
    with pytest.raises(VpsApiNoAnswer, match="3 times"):
        cloud.create(spec, {}, Saved(), print)
    assert posts(sim) == 3


def test_a_refusal_is_told_at_once_and_leaves_nothing_to_wait_for(
    cloud: VultrCloud, sim: Simcloud, spec: MachineSpec, clock: SkippingClock
) -> None:
    sim.fault("no_capacity", method="POST", path="/instances")
    saved = Saved()
    with pytest.raises(VpsApiError):
        cloud.create(spec, {}, saved, print)
    assert cloud.release(spec, saved) == Gone()
    assert clock.skipped == 0


# --- looking ------------------------------------------------------------------------------------------------------


def test_find_looks_at_all_tags_and_all_pages(
    cloud: VultrCloud, sim: Simcloud, spec: MachineSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mngr.backends.vultr.client.PAGE_SIZE", 2)
    ids = set()
    for number in range(5):
        host = f"host-{number:016x}"
        tags = {**spec.tags, "mngr-host-id": host}
        made = cloud.create(msgspec.structs.replace(spec, host_id=host, tags=tags), {}, Saved(), print)
        assert made is not None
        ids.add(made.id)
    assert {one.id for one in cloud.find({"mngr-provider": "vultr"})} == ids
    assert len(cloud.find({"mngr-provider": "vultr", "mngr-host-id": "host-0000000000000003"})) == 1
    assert cloud.find({"mngr-provider": "vult"}) == []


def test_a_list_that_fails_is_unreadable(cloud: VultrCloud, sim: Simcloud) -> None:
    sim.fault("error", method="GET", path="/instances", times=None, status=500)
    with pytest.raises(Unreadable):
        cloud.find({})


def test_ready_when_active_running_and_with_an_address(
    cloud: VultrCloud, sim: Simcloud, spec: MachineSpec
) -> None:
    made = cloud.create(spec, {}, Saved(), print)
    assert made is not None
    sim.settle()
    seen = cloud.get(made.id)
    assert seen.state == "running"
    assert seen.address.startswith("127.")
    assert seen.created_at == pytest.approx(time.time(), abs=60)
    with pytest.raises(NotFound):
        cloud.get("00000000-0000-0000-0000-000000000000")


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"status": "pending", "power_status": "running", "main_ip": "0.0.0.0"}, "pending"),
        ({"status": "active", "power_status": "running", "main_ip": "0.0.0.0"}, "pending"),
        (
            {
                "status": "active",
                "power_status": "running",
                "main_ip": "192.0.2.1",
                "server_status": "new-word",
            },
            "running",
        ),
        ({"status": "active", "power_status": "stopped", "main_ip": "192.0.2.1"}, "stopped"),
        ({"status": "suspended", "power_status": "stopped", "main_ip": "192.0.2.1"}, "failed"),
        ({"status": "some-day-new", "main_ip": "192.0.2.1"}, "pending"),
        ({}, "pending"),
    ],
)
def test_states_we_know_and_states_to_come(row: dict, expected: str) -> None:
    assert status(row) == expected


def test_an_instance_without_an_id_isnt_skipped() -> None:
    with pytest.raises(Unreadable):
        machine({"label": "x"})


# --- changing, giving back ----------------------------------------------------------------------------------------


def test_tags_change_key_by_key(cloud: VultrCloud, sim: Simcloud, spec: MachineSpec) -> None:
    made = cloud.create(spec, {}, Saved(), print)
    assert made is not None
    sim.api(
        "PATCH",
        f"/instances/{made.id}",
        {"tags": ["theirs", "x=y", *[f"{k}={v}" for k, v in spec.tags.items()]]},
    )
    cloud.tag(made.id, {"mngr-ready": "1", "mngr-host-name": "new"}, ["mngr-until", "mngr-builder"])
    cloud.tag(made.id, {"mngr-ready": "1", "mngr-host-name": "new"}, ["mngr-until", "mngr-builder"])
    rows = sim.api("GET", f"/instances/{made.id}")[1]["instance"]["tags"]
    assert sorted(rows) == sorted(
        ["theirs", "x=y", "mngr-provider=vultr", f"mngr-host-id={HOST}", "mngr-host-name=new", "mngr-ready=1"]
    )


def test_power_off_and_on_are_repeatable(cloud: VultrCloud, sim: Simcloud, spec: MachineSpec) -> None:
    made = cloud.create(spec, {}, Saved(), print)
    assert made is not None
    sim.settle()
    for on, state in ((False, "stopped"), (False, "stopped"), (True, "running"), (True, "running")):
        cloud.power(made.id, on)
        assert cloud.get(made.id).state == state


def test_release_ends_the_bill_and_is_repeatable(cloud: VultrCloud, sim: Simcloud, spec: MachineSpec) -> None:
    saved = Saved()
    cloud.create(spec, {}, saved, print)
    while cloud.release(spec, saved) != Gone():
        pass
    assert cloud.release(spec, saved) == Gone()
    assert sim.bill()["open"] == 0


def test_release_finds_what_was_never_written_down(
    cloud: VultrCloud, sim: Simcloud, spec: MachineSpec
) -> None:
    cloud.create(spec, {}, Saved(), print)
    cloud.release(spec, {})
    assert sim.bill()["open"] == 0


def test_release_asks_for_no_time_where_no_order_is_open(
    cloud: VultrCloud, spec: MachineSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    def now() -> float:
        raise Unreadable("no Date header")

    monkeypatch.setattr(cloud, "now", now)
    assert cloud.release(spec, {}) == Gone()


def test_release_waits_for_an_order_that_may_still_show(
    cloud: VultrCloud, sim: Simcloud, spec: MachineSpec, clock: SkippingClock
) -> None:
    handle = {"asked_at": str(cloud.now()), "lost_at": ""}
    answer = cloud.release(spec, handle)
    assert isinstance(answer, Later)
    clock.sleep(CALL_TIMEOUT_S + cloud.caps.list_lag_s + 1)
    assert cloud.release(spec, handle) == Gone()


def test_release_of_a_lost_order_that_did_show_is_at_once(
    cloud: VultrCloud, sim: Simcloud, spec: MachineSpec
) -> None:
    handle = {"asked_at": str(cloud.now()), "lost_at": ""}
    cloud.create(spec, {}, Saved(), print)
    assert cloud.release(spec, handle) == Gone()


def test_an_answer_lost_in_a_deletion_is_made_up_for(
    cloud: VultrCloud, sim: Simcloud, spec: MachineSpec
) -> None:
    saved = Saved()
    cloud.create(spec, {}, saved, print)
    sim.fault("lose_answer", method="DELETE")
    cloud.release(spec, saved)
    assert sim.bill()["open"] == 0


def test_user_data_is_blanked(cloud: VultrCloud, sim: Simcloud, spec: MachineSpec) -> None:
    import base64

    made = cloud.create(
        msgspec.structs.replace(spec, user_data="#cloud-config\nsecret: x\n"), {}, Saved(), print
    )
    assert made is not None
    cloud.blank_user_data(made.id)
    data = sim.api("GET", f"/instances/{made.id}/user-data")[1]["user_data"]["data"]
    assert b"secret" not in base64.b64decode(data)


def test_a_wrong_key(sim: Simcloud, wire: Recorder) -> None:
    wrong = VultrCloud(VultrClient("wrong", api_url=sim.url, transport=wire))
    with pytest.raises(Unreadable, match="Vultr refused"):
        wrong.find({})


def test_an_offer_names_the_snapshot_that_a_machine_boots_from(
    cloud: VultrCloud, sim: Simcloud, spec: MachineSpec
) -> None:
    made = cloud.create(spec, {}, Saved(), print)
    assert made is not None
    sim.settle()
    _, taken = sim.api("POST", "/snapshots", {"instance_id": made.id, "description": "baked"})
    id = taken["snapshot"]["id"]
    baked = msgspec.structs.replace(spec, options={"snapshot_id": id})
    sim.settle()
    assert cloud.check(baked).image == "snapshot baked"
    sim.api("DELETE", f"/snapshots/{id}")


def test_what_a_list_still_shows_after_its_deletion_isnt_taken_for_the_order(
    cloud: VultrCloud, sim: Simcloud, spec: MachineSpec
) -> None:
    first = cloud.create(spec, {}, Saved(), print)
    assert first is not None
    (instance,) = settled(sim)
    sim.ask("POST", "/clock", {"advance_s": 60})
    cloud.release(spec, {"id": first.id})
    sim.fault("stale", method="GET", path="/instances", lag_s=30, times=None)
    try:
        saved = Saved()
        second = cloud.create(spec, {}, saved, print)
    finally:
        sim.ask("DELETE", "/faults")
    assert second is not None
    assert second.id != first.id == instance["id"]
    assert saved.saves[-1] == {"id": second.id}
