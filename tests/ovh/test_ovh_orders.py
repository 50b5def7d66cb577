"""Which order is ours: after a lost answer, a kill, or an answer that lags, nothing of anybody else's is taken or touched,
and nothing is ordered twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from mngr.backends.ovh import renewal
from mngr.backends.ovh.buying.markers import Marker
from mngr.model.errors import MngrError
from mngr.model.swept import Found
from mngr.vps_docker import tags
from mngr.vps_docker.errors import VpsApiNoAnswer, VpsProvisioningError
from mngr.vps_docker.vps_client import Gone
from support.ovh import Account, Here
from support.simcloud import until

from .conftest import HOST, Laptop

OTHER = "host-fedcba9876543210"
DAY_S = 86400


def by_hand(laptop: Laptop) -> int:
    """An order of the same plan that the account's owner places on OVH's page."""
    return Account(laptop.sim).order()


def service_of(laptop: Laptop, order: int) -> str:
    """What it became, once its renewal can be changed."""
    Account(laptop.sim).delivered(order)
    laptop.clock.sleep(300)
    return Account(laptop.sim).named(order)[0]


def bought(sim: Here) -> list[str]:
    return [line["resource"] for line in sim.bill()["lines"]]


def test_a_cart_that_asks_about_monitoring_is_told_no(laptop: Laptop, sim: Here) -> None:
    Account(sim).behaviour(rtm_required=True)
    _, kept = laptop.create(laptop.spec())
    account, order = Account(sim), kept["order"]
    (detail, *_) = account.get(f"/me/order/{order}/details")
    said = account.get(f"/me/order/{order}/details/{detail}/extension")["order"]["configurations"]
    assert {"label": "vps_install_rtm", "value": "no"} in said


# --- a checkout without an answer -----------------------------------------------------------------------------------


def test_a_cart_that_wasn_t_bought_takes_no_order_of_somebody_else_s(laptop: Laptop, sim: Here) -> None:
    kept = laptop.killed_around_checkout(buys=False)
    theirs = by_hand(laptop)
    laptop.clock.sleep(60)
    made, _ = laptop.create(laptop.spec(), kept)
    service = service_of(laptop, theirs)
    assert made.id != service
    assert Account(sim).tags(service) == {}
    assert not renewal.read(laptop.client, service).cancelled
    assert len(bought(sim)) == 2
    assert laptop.markers.all() == []


def test_an_order_that_shows_before_ours_isn_t_taken_for_it(laptop: Laptop, sim: Here) -> None:
    account = Account(sim)
    theirs = by_hand(laptop)
    laptop.clock.sleep(20)
    account.behaviour(order_list_lag_s=12)
    kept = laptop.killed_around_checkout(buys=True)
    with pytest.raises(VpsApiNoAnswer, match="can be told apart"):
        laptop.create(laptop.spec(), kept)
    assert len(laptop.markers.all()) == 1
    service = service_of(laptop, theirs)
    assert account.tags(service) == {}
    assert len(bought(sim)) == 2


def test_a_renewal_that_looks_like_an_order_isn_t_taken_for_one(laptop: Laptop, sim: Here) -> None:
    account = Account(sim)
    begun = laptop.cloud.now()
    [theirs] = sim.ask("POST", "/seed_vps", {"count": 1})["services"]
    ends = renewal.read(laptop.client, theirs).paid_until + begun % DAY_S
    laptop.clock.sleep(ends - begun - 30)
    kept = laptop.killed_around_checkout(buys=True)
    until(lambda: laptop.clock.sleep(10) or len(account.get("/me/order")) == 3, "its renewal", 5, 0.05)
    made, _ = laptop.create(laptop.spec(), kept)
    assert made.id != theirs
    assert account.tags(theirs) == {}
    assert bought(sim) == [theirs, made.id]


def test_a_second_purchase_in_doubt_that_wasn_t_bought_doesn_t_hide_the_first_s_order(
    laptop: Laptop, sim: Here
) -> None:
    laptop.killed_around_checkout(buys=False)
    [unbought] = laptop.markers.all()
    kept = laptop.killed_around_checkout(buys=True)
    made, _ = laptop.create(laptop.spec(), kept)
    assert bought(sim) == [made.id]
    assert laptop.markers.all() == [unbought]


# --- what an order became -------------------------------------------------------------------------------------------


def test_a_vps_that_was_reconciled_and_recycled_meanwhile_is_left_to_its_new_host(
    laptop: Laptop, sim: Here, tmp_path: Path
) -> None:
    kept = laptop.killed_at("order")
    service_of(laptop, int(kept["order"]))
    for _ in range(5):
        laptop.cloud.reconcile()
        laptop.clock.sleep(10)
    second = Laptop(sim, tmp_path / "two")
    taken, _ = second.create(second.spec(OTHER))
    laptop.clock.sleep(10)
    before = Account(sim).tags(taken.id)
    assert before[tags.HOST_ID] == OTHER
    made, _ = laptop.create(laptop.spec(), kept)
    assert made.id != taken.id
    laptop.clock.sleep(10)
    assert Account(sim).tags(taken.id) == before


@pytest.mark.parametrize("recycles", [True, False])
def test_a_vps_that_was_reconciled_meanwhile_is_claimed_as_any_other(
    sim: Here, tmp_path: Path, recycles: bool
) -> None:
    laptop = Laptop(sim, tmp_path / "one", enable_recycle_cancelled=recycles)
    kept = laptop.killed_at("order")
    service_of(laptop, int(kept["order"]))
    for _ in range(5):
        laptop.cloud.reconcile()
        laptop.clock.sleep(10)
    assert laptop.markers.all() == []
    claimed: list[str] = []
    put = laptop.cloud.parts.store.put

    def noted(service: str, key: str, value: str) -> None:
        claimed.append(key)
        put(service, key, value)

    laptop.cloud.parts.store.put = noted  # type: ignore[method-assign]
    made, _ = laptop.create(laptop.spec(), kept)
    assert claimed[0] == f"mngr-claim.{HOST}"
    assert bought(sim) == [made.id], "a needless order"


def test_what_another_instance_has_tagged_is_never_taken(laptop: Laptop, sim: Here) -> None:
    kept = laptop.killed_at("order")
    service = service_of(laptop, int(kept["order"]))
    Account(sim).tag(service, tags.PROVIDER, "ovh-team")
    laptop.clock.sleep(10)
    with pytest.raises(VpsProvisioningError, match="provider instance ovh-team"):
        laptop.create(laptop.spec(), kept)
    laptop.clock.sleep(10)
    assert Account(sim).tags(service) == {tags.PROVIDER: "ovh-team"}
    assert not renewal.read(laptop.client, service).cancelled
    assert len(laptop.markers.all()) == 1


def test_what_is_older_than_its_order_s_marker_is_never_taken(laptop: Laptop, sim: Here) -> None:
    [service] = sim.ask("POST", "/seed_vps", {"count": 1})["services"]
    [order] = [one["id"] for one in sim.ask("GET", "/orders")["orders"]]
    spec = laptop.spec()
    marker = Marker(
        plan_code=spec.plan, region=spec.region, host_id=HOST, order_id=order, at=laptop.cloud.now()
    )
    laptop.markers.write(marker)
    said: list[str] = []
    assert laptop.cloud.reconcile(warn=said.append) == []
    assert "was there before it" in said[0]
    with pytest.raises(VpsProvisioningError, match="was there before that order"):
        laptop.create(spec, {"order": str(order)})
    laptop.clock.sleep(10)
    assert Account(sim).tags(service) == {}
    assert not renewal.read(laptop.client, service).cancelled
    assert laptop.markers.all() == [marker]


# --- answers that lag -----------------------------------------------------------------------------------------------

GONE = {"do": "error", "status": 404, "method": "GET", "times": None}


@pytest.mark.parametrize("killed", ["order", "id"])
@pytest.mark.parametrize("fault", [GONE, {"do": "stale", "method": "GET", "lag_s": 7200, "times": None}])
def test_a_vps_that_doesn_t_show_yet_is_waited_for_not_ordered_again(
    laptop: Laptop, sim: Here, killed: str, fault: dict[str, object]
) -> None:
    kept = laptop.killed_at(killed)
    laptop.clock.sleep(200)
    markers = laptop.markers.all()
    assert [str(one.order_id) for one in markers] == [kept["order"]]
    given = dict(fault)
    sim.fault(str(given.pop("do")), path="/vps/*", **given)
    for _ in range(3):
        assert laptop.cloud.create(laptop.spec(), kept, kept.update, print) is None
        laptop.clock.sleep(60)
    assert laptop.markers.all() == markers
    sim.clear()
    made, _ = laptop.create(laptop.spec(), kept)
    assert bought(sim) == [made.id]
    assert laptop.markers.all() == []


def test_a_vps_that_ended_while_its_create_lay_dead_is_bought_anew(laptop: Laptop, sim: Here) -> None:
    kept = laptop.killed_at("id")
    laptop.clock.sleep(100)
    [service] = bought(sim)
    Account(sim).renew(service, deleteAtExpiration=True)
    laptop.clock.sleep(40 * DAY_S)
    assert sim.bill()["lines"][0]["closed"]
    made, _ = laptop.create(laptop.spec(), kept)
    assert bought(sim) == [service, made.id]
    assert laptop.markers.all() == []


@pytest.mark.parametrize(
    "path", ["/vps/*", "/vps/*/serviceInfos", "/vps/*/datacenter", "/v2/iam/resource/*", "/vps/*/ips"]
)
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_one_wrong_404_makes_nobody_order_while_a_vps_waits(
    laptop: Laptop, sim: Here, path: str, nth: int
) -> None:
    seed = {"count": 1, "cancelled": True, "tags": {tags.PROVIDER: "ovh"}}
    [service] = sim.ask("POST", "/seed_vps", seed)["services"]
    sim.fault("error", status=404, method="GET", path=path, nth=nth, times=1)
    made, _ = laptop.create(laptop.spec())
    assert made.id == service
    assert bought(sim) == [service]


def test_what_reconcile_adopts_is_recycled_by_the_same_create_though_no_list_shows_it(
    laptop: Laptop, sim: Here
) -> None:
    laptop.killed_at("order")
    laptop.clock.sleep(300)
    sim.fault("stale", method="GET", path="/v2/iam/resource", lag_s=7200, times=None)
    done: list[Found] = []
    for _ in range(5):
        done = done or laptop.cloud.reconcile()
        if not done:
            laptop.clock.sleep(10)
    made, kept = laptop.create(laptop.spec(OTHER))
    assert bought(sim) == [made.id], "a needless order"
    assert not kept.get("order")


# --- processes that stand still -------------------------------------------------------------------------------------


def taken_over(laptop: Laptop, service: str) -> dict[str, str]:
    """While a process of ours stands still: the VPS is taken, by a person's word and another computer's claim, and now
    carries that one's host. Its tags."""
    account = Account(laptop.sim)
    [row] = [one for one in laptop.sim.ask("GET", "/resources")["resources"] if one["id"] == service]
    for key in [tag.partition("=")[0] for tag in row["tags"]]:
        account.delete(f"/v2/iam/resource/{account.urn(service)}/tag/{key}")
    shown = {tags.PROVIDER: "ovh", tags.HOST_ID: OTHER, tags.READY: "1"}
    for key, value in shown.items():
        account.tag(service, key, value)
    account.renew(service, deleteAtExpiration=False, automatic=True, renewalType="automaticV2012")
    laptop.clock.sleep(3600)
    return shown


def stands_still(laptop: Laptop, call: str, nth: int = 1) -> None:
    """After the `nth` such read, this process sleeps while the VPS that it read is taken over."""
    place, _, name = call.partition(".")
    thing = getattr(laptop.cloud.parts, place)
    real, left = getattr(thing, name), [nth]

    def slow(*given, **more):
        answer = real(*given, **more)
        left[0] -= 1
        if left[0] == 0:
            taken_over(
                laptop,
                given[0] if isinstance(given[0], str) and "/" not in given[0] else bought(laptop.sim)[0],
            )
        return answer

    setattr(thing, name, slow)


@pytest.mark.parametrize(("call", "nth"), [("reader.read", 1), ("store.put", 1), ("store.put", 2)])
def test_a_reconcile_that_stood_still_leaves_the_vps_to_who_took_it(
    laptop: Laptop, sim: Here, call: str, nth: int
) -> None:
    service = service_of(laptop, int(laptop.killed_at("order")["order"]))
    stands_still(laptop, call, nth)
    for _ in range(3):
        laptop.cloud.reconcile()
        laptop.clock.sleep(10)
    assert Account(sim).tags(service) == {tags.PROVIDER: "ovh", tags.HOST_ID: OTHER, tags.READY: "1"}
    assert not renewal.read(laptop.client, service).cancelled
    assert laptop.markers.all() == []


@pytest.mark.parametrize(("call", "nth"), [("reader.read", 1), ("store.drop", 1), ("store.drop", 2)])
def test_a_release_that_stood_still_leaves_the_vps_to_who_took_it(
    laptop: Laptop, sim: Here, call: str, nth: int
) -> None:
    made, kept = laptop.create(laptop.spec())
    laptop.clock.sleep(100)
    stands_still(laptop, call, nth)
    for _ in range(3):
        try:
            laptop.cloud.release(laptop.spec(), kept)
        except MngrError:
            pass
        laptop.clock.sleep(10)
    assert Account(sim).tags(made.id) == {tags.PROVIDER: "ovh", tags.HOST_ID: OTHER, tags.READY: "1"}
    assert not renewal.read(laptop.client, made.id).cancelled


@pytest.mark.parametrize("nth", [1, 2, 3, 4])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/vps/*"),
        ("GET", "/vps/*/serviceInfos"),
        ("PUT", "/vps/*/serviceInfos"),
        ("DELETE", "/v2/iam/resource/*/tag/*"),
    ],
)
def test_one_wrong_404_doesn_t_make_a_host_s_vps_gone(
    laptop: Laptop, sim: Here, method: str, path: str, nth: int
) -> None:
    made, kept = laptop.create(laptop.spec())
    laptop.cloud.keep(made.id, print)
    laptop.cloud.tag(made.id, {tags.READY: "1"}, [tags.BUILDER, tags.UNTIL])
    laptop.is_started_anew()
    laptop.clock.sleep(30)
    sim.fault("error", status=404, method=method, path=path, nth=nth, times=1)
    assert [one.id for one in laptop.cloud.find({tags.HOST_ID: HOST})] == [made.id]
    for _ in range(10):
        if laptop.cloud.release(laptop.spec(), kept) == Gone():
            break
        laptop.clock.sleep(5)
    laptop.clock.sleep(10)
    assert tags.READY not in Account(sim).tags(made.id)
    assert renewal.read(laptop.client, made.id).cancelled
