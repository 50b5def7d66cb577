"""Markers of checkouts without an answer: none stays for ever, none takes what somebody else bought."""

from __future__ import annotations

from pathlib import Path

import pytest

from mngr.backends.ovh import release
from mngr.backends.ovh.buying import lost_orders
from mngr.backends.ovh.buying.order import CART_S
from mngr.model.swept import Found
from mngr.vps_docker import tags
from support.ovh import Account, Here

from .conftest import HOST, Laptop

DAY_S = 86400


def bought_by_hand(laptop: Laptop) -> str:
    """A VPS of the same plan that the account's owner orders on OVH's page; nothing of it is mngr's."""
    account = Account(laptop.sim)
    order = account.order()
    laptop.clock.sleep(200)
    return account.named(order)[0]


def test_a_cart_that_wasn_t_bought_is_forgotten_once_no_checkout_can_be_on_its_way(laptop: Laptop) -> None:
    laptop.killed_around_checkout(buys=False)
    laptop.cloud.reconcile()
    assert len(laptop.markers.all()) == 1
    laptop.clock.sleep(180)
    laptop.cloud.reconcile()
    assert len(laptop.markers.all()) == 1
    laptop.clock.sleep(180)
    laptop.cloud.reconcile()
    assert laptop.markers.all() == []


def test_a_cart_that_expired_unbought_is_forgotten(laptop: Laptop) -> None:
    """As when the laptop was closed for days."""
    laptop.killed_around_checkout(buys=False)
    [marker] = laptop.markers.all()
    laptop.clock.sleep(CART_S + 60)
    assert lost_orders.bought(laptop.cloud.parts, marker.cart_id) is None, "it can't be told any more"
    laptop.cloud.reconcile()
    assert laptop.markers.all() == [marker], "its order might not be listed yet"
    laptop.clock.sleep(300)
    assert laptop.cloud.reconcile(dry_run=True) == []
    assert laptop.markers.all() == [marker]
    laptop.cloud.reconcile()
    assert laptop.markers.all() == []


@pytest.mark.parametrize("extension", [True, False], ids=["extension", "no extension"])
@pytest.mark.parametrize("dates", ["refused", "ignored", "honoured"])
def test_what_an_expired_cart_may_have_bought_is_shown_and_taken_by_a_person_s_word_only(
    laptop: Laptop, dates: str, extension: bool
) -> None:
    Account(laptop.sim).behaviour(us_order_dates=dates, us_extension=extension)
    laptop.killed_around_checkout(buys=True)
    [line] = laptop.sim.bill()["lines"]
    [order] = [one["id"] for one in laptop.sim.ask("GET", "/orders")["orders"]]
    laptop.clock.sleep(CART_S + DAY_S)
    said: list[str] = []
    for _ in range(3):
        assert laptop.cloud.reconcile(warn=said.append) == []
        laptop.clock.sleep(30)
    assert len(laptop.markers.all()) == 1
    assert f"OVH's orders {order}" in said[-1]
    assert Account(laptop.sim).tags(line["resource"]) == {}
    release.adopt(laptop.cloud.parts, line["resource"])
    assert laptop.markers.all() == []


def test_where_ovh_hides_what_an_order_installs_the_vps_tells(laptop: Laptop) -> None:
    account = Account(laptop.sim)
    account.behaviour(us_extension=False, delivery_s=2000)
    laptop.killed_around_checkout(buys=True)
    [ours] = [line["resource"] for line in laptop.sim.bill()["lines"]]
    account.order(plan="vps-2025-model2")
    laptop.clock.sleep(900)
    said: list[str] = []
    assert laptop.cloud.reconcile(warn=said.append) == []
    assert "could be its" in said[0], "neither is delivered: they can't be told apart"
    laptop.clock.sleep(2000)
    done: list[Found] = []
    for _ in range(20):
        done += laptop.cloud.reconcile()
        laptop.clock.sleep(30)
    assert len(done) == 1
    assert ours == done[0].name
    assert laptop.markers.all() == []
    laptop.clock.sleep(10)
    tagged = [one["name"] for one in account.pages()[0] if one["tags"]]
    assert tagged == [ours]


def test_an_order_of_who_knows_what_isn_t_taken_though_it_is_the_only_one(laptop: Laptop) -> None:
    Account(laptop.sim).behaviour(us_extension=False, delivery_s=2000)
    laptop.killed_around_checkout(buys=True)
    laptop.clock.sleep(900)
    said: list[str] = []
    assert laptop.cloud.reconcile(warn=said.append) == []
    assert "could be its" in said[0]
    assert [marker.order_id for marker in laptop.markers.all()] == [0]


@pytest.mark.parametrize("extension", [True, False], ids=["extension", "no extension"])
def test_the_order_of_a_cart_that_was_bought_is_found_days_later(laptop: Laptop, extension: bool) -> None:
    Account(laptop.sim).behaviour(us_extension=extension)
    laptop.killed_around_checkout(buys=True)
    laptop.clock.sleep(CART_S - 3600)
    done: list[Found] = []
    for _ in range(20):
        done += laptop.cloud.reconcile()
        laptop.clock.sleep(30)
    assert len(done) == 1
    assert laptop.markers.all() == []
    [line] = laptop.sim.bill()["lines"]
    laptop.clock.sleep(10)
    assert Account(laptop.sim).tags(line["resource"]) == {tags.PROVIDER: "ovh", tags.HOST_ID: HOST}


@pytest.mark.parametrize("after_s", [0, 3600, CART_S + DAY_S], ids=["at once", "an hour", "days"])
def test_what_somebody_buys_by_hand_is_never_taken_for_a_purchase_that_didn_t_happen(
    laptop: Laptop, after_s: float
) -> None:
    laptop.killed_around_checkout(buys=False)
    laptop.clock.sleep(after_s)
    service = bought_by_hand(laptop)
    for _ in range(3):
        laptop.clock.sleep(300)
        laptop.cloud.reconcile()
    assert laptop.markers.all() == []
    assert Account(laptop.sim).tags(service) == {}


def test_what_can_t_be_told_apart_is_shown_and_goes_by_a_person_s_word(laptop: Laptop) -> None:
    laptop.killed_around_checkout(buys=True)
    service = bought_by_hand(laptop)
    [ours] = [one["resource"] for one in laptop.sim.bill()["lines"] if one["resource"] != service]
    said: list[str] = []
    laptop.clock.sleep(CART_S + DAY_S)
    assert laptop.cloud.reconcile(warn=said.append) == []
    assert len(laptop.markers.all()) == 1
    assert "could be its" in said[0]
    assert str(laptop.markers.path(laptop.markers.all()[0].key)) in said[0]
    release.adopt(laptop.cloud.parts, ours)
    laptop.clock.sleep(30)
    assert laptop.markers.all() == []
    assert laptop.cloud.reconcile(warn=said.append) == []
    assert Account(laptop.sim).tags(service) == {}


def test_many_newer_orders_don_t_hide_a_lost_one(laptop: Laptop, sim: Here) -> None:
    laptop.killed_around_checkout(buys=True)
    account = Account(sim)
    laptop.clock.sleep(1200)
    for _ in range(70):
        account.order(plan="vps-2025-model2")
    laptop.clock.sleep(300)
    assert len(laptop.cloud.reconcile()) == 1
    assert laptop.markers.all() == []


@pytest.mark.parametrize("path", ["/1.0/me/order/*/status", "/1.0/me/order/*/details", "/1.0/vps/*"])
def test_what_ovh_doesn_t_know_yet_keeps_its_marker(laptop: Laptop, path: str) -> None:
    kept: dict[str, str] = {}
    assert laptop.cloud.create(laptop.spec(), kept, kept.update, print) is None
    [marker] = laptop.markers.all()
    if "vps" in path:
        laptop.clock.sleep(300)
    laptop.sim.fault("error", method="GET", path=path, status=404, times=None)
    laptop.cloud.reconcile(warn=lambda what: None)
    laptop.cloud.release(laptop.spec(), kept)
    assert laptop.markers.all() == [marker]
    laptop.sim.clear()
    for _ in range(20):
        laptop.clock.sleep(30)
        laptop.cloud.reconcile()
    assert laptop.markers.all() == []
    [line] = laptop.sim.bill()["lines"]
    assert "mngr-provider=ovh" in line["tags"]


def test_an_order_whose_vps_has_ended_leaves_no_marker(laptop: Laptop, tmp_path: Path) -> None:
    kept: dict[str, str] = {}
    assert laptop.cloud.create(laptop.spec(), kept, kept.update, print) is None
    [marker] = laptop.markers.all()
    made, _ = laptop.create(laptop.spec(), kept)
    laptop.markers.write(marker)
    laptop.clock.sleep(40 * DAY_S)
    assert laptop.sim.bill()["lines"][0]["closed"], "cancelled, so it has ended"
    assert laptop.cloud.reconcile() == [
        Found(thing="vps", name=made.id, id=str(marker.order_id), why="ended")
    ]
    assert laptop.markers.all() == []


def test_a_vps_that_was_delivered_and_not_tagged_yet_is_tagged_when_it_is_let_go(laptop: Laptop) -> None:
    """Killed between noting its name and its first tag; the sweep knows the host from its own journal only."""
    kept = laptop.killed_at("id")
    laptop.clock.sleep(300)
    laptop.cloud.release(laptop.spec().__replace__(tags={}), kept)
    laptop.clock.sleep(30)
    assert Account(laptop.sim).tags(kept["id"])[tags.PROVIDER] == "ovh"
    assert laptop.create(laptop.spec("host-fedcba9876543210"))[0].id == kept["id"]
