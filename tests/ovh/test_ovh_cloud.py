"""Ordering, keeping, cancelling and recycling, against the simulated OVH, with the SDK's signing and paging."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mngr.backends.ovh import renewal
from mngr.model.errors import InvalidInput, MngrError
from mngr.model.swept import Found
from mngr.vps_docker import tags
from mngr.vps_docker.vps_client import Gone
from support.ovh import Account

from .conftest import HOST, Laptop

OTHER = "host-fedcba9876543210"


def open_lines(sim) -> list[dict]:
    return [one for one in sim.bill()["lines"] if one["open"]]


@pytest.mark.parametrize("flavour", ["us", "eu"], indirect=True)
def test_a_fresh_vps_is_tagged_and_cancelled_before_anything_else(laptop: Laptop) -> None:
    made, handle = laptop.create(laptop.spec())
    assert handle["id"] == made.id
    found = Account(laptop.sim).tags(made.id)
    laptop.clock.sleep(10)
    found = Account(laptop.sim).tags(made.id)
    assert found[tags.HOST_ID] == HOST
    assert found[tags.PROVIDER] == "ovh"
    assert renewal.read(laptop.client, made.id).cancelled
    assert laptop.markers.all() == []


def test_an_account_that_is_used_for_days_still_has_offers(laptop: Laptop) -> None:
    """The cart that is looked with ends after a day."""
    first = laptop.cloud.check(laptop.spec())
    laptop.sim.advance(25 * 3600)
    again = laptop.cloud.check(laptop.spec())
    assert (again.due_now, again.per_month) == (first.due_now, first.per_month)


def test_keeping_restores_the_renewal_whole(laptop: Laptop) -> None:
    made, _ = laptop.create(laptop.spec())
    laptop.cloud.keep(made.id, print)
    info = laptop.client.get(f"/vps/{made.id}/serviceInfos")
    assert info["renew"]["automatic"] is True
    assert info["renew"]["deleteAtExpiration"] is False
    assert info["renewalType"] == "automaticV2012"


def test_destroyed_then_created_again_recycles_at_no_new_charge(laptop: Laptop) -> None:
    made, handle = laptop.create(laptop.spec())
    laptop.cloud.keep(made.id, print)
    laptop.cloud.tag(made.id, {tags.READY: "1"}, [tags.BUILDER, tags.UNTIL])
    assert laptop.cloud.release(laptop.spec(), handle) == Gone()
    laptop.clock.sleep(30)
    assert laptop.cloud.find({tags.PROVIDER: "ovh"}) == []
    assert laptop.cloud.get(made.id).released

    again, kept = laptop.create(laptop.spec(OTHER))
    assert again.id == made.id
    assert "order" not in kept
    assert len(open_lines(laptop.sim)) == 1
    laptop.clock.sleep(10)
    found = Account(laptop.sim).tags(made.id)
    assert found[tags.HOST_ID] == OTHER
    assert tags.READY not in found
    assert not [key for key in found if key.startswith("mngr-claim.")]


def test_a_stale_handle_leaves_the_vps_s_next_host_alone(laptop: Laptop) -> None:
    made, handle = laptop.create(laptop.spec())
    assert laptop.cloud.release(laptop.spec(), handle) == Gone()
    laptop.clock.sleep(20)
    laptop.create(laptop.spec(OTHER))
    laptop.cloud.keep(made.id, print)
    laptop.cloud.tag(made.id, {tags.READY: "1"}, [tags.BUILDER, tags.UNTIL])
    laptop.clock.sleep(10)
    assert laptop.cloud.release(laptop.spec(), handle) == Gone()
    laptop.clock.sleep(10)
    assert Account(laptop.sim).tags(made.id)[tags.READY] == "1"
    assert not renewal.read(laptop.client, made.id).cancelled


def test_unknown_plan_datacenter_and_image_name_the_valid_ones(laptop: Laptop) -> None:
    for change, right in (
        ({"plan": "vps-0"}, "vps-2025-model2"),
        ({"region": "MARS"}, "US-WEST-OR"),
        ({"image": "CP/M"}, "Debian 12"),
    ):
        with pytest.raises(InvalidInput) as error:
            laptop.cloud.check(laptop.spec(**change))
        assert right in error.value.hint


def test_the_offer_says_price_renewal_and_what_cancelling_means(laptop: Laptop) -> None:
    offer = laptop.cloud.check(laptop.spec())
    assert offer.per_month == 7.99
    assert (offer.due_now, offer.agreed) == (7.99, False)
    assert (offer.term_months, offer.may_recycle) == (1, True)
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", offer.renews_on)


@pytest.mark.parametrize("dates", ["refused", "ignored", "honoured"])
def test_a_checkout_whose_answer_is_lost_is_found_and_not_repeated(laptop: Laptop, dates: str) -> None:
    Account(laptop.sim).behaviour(us_order_dates=dates)
    laptop.sim.fault("lose_answer", method="POST", path="/order/cart/*/checkout", times=1)
    made, _ = laptop.create(laptop.spec())
    assert made.id
    assert len(laptop.sim.bill()["lines"]) == 1
    assert laptop.markers.all() == []


def test_an_order_that_a_killed_process_left_is_kept_for_the_next_create(
    laptop: Laptop, tmp_path: Path
) -> None:
    kept: dict[str, str] = {}
    assert laptop.cloud.create(laptop.spec(), kept, kept.update, print) is None
    (marker,) = laptop.markers.all()
    assert marker.order_id == int(kept["order"])
    after = Laptop(laptop.sim, tmp_path / "one")
    done: list[Found] = []
    for _ in range(100):
        after.clock.sleep(20)
        done = done or after.cloud.reconcile()
    assert len(done) == 1
    assert after.markers.all() == []
    laptop.clock.sleep(30)
    made, more = after.create(after.spec(OTHER))
    assert "order" not in more
    assert len(open_lines(laptop.sim)) == 1
    assert made.tags


def test_a_stale_marker_never_touches_a_live_host(laptop: Laptop) -> None:
    kept: dict[str, str] = {}
    laptop.cloud.create(laptop.spec(), kept, kept.update, print)
    (marker,) = laptop.markers.all()
    made, _ = laptop.create(laptop.spec(), kept)
    laptop.cloud.keep(made.id, print)
    laptop.cloud.tag(made.id, {tags.READY: "1"}, [tags.BUILDER, tags.UNTIL])
    laptop.clock.sleep(10)
    before = Account(laptop.sim).tags(made.id)
    laptop.markers.write(marker)
    assert laptop.cloud.reconcile() == []
    assert laptop.markers.all() == []
    laptop.clock.sleep(10)
    assert Account(laptop.sim).tags(made.id) == before
    assert not renewal.read(laptop.client, made.id).cancelled


def test_a_refused_payment_says_so_and_keeps_the_order(laptop: Laptop) -> None:
    laptop.sim.fault("payment_refused", method="POST", path="/order/cart/*/checkout", times=1)
    with pytest.raises(MngrError, match="isn't paid"):
        laptop.create(laptop.spec())
    assert [one.order_id > 0 for one in laptop.markers.all()] == [True]


def test_an_order_in_review_says_so(laptop: Laptop) -> None:
    laptop.sim.fault(
        "order_stuck", method="POST", path="/order/cart/*/checkout", times=1, how="documentsRequested"
    )
    with pytest.raises(MngrError, match="in review"):
        laptop.create(laptop.spec())


def test_a_vps_that_lost_some_of_its_tags_is_still_ours_but_not_one_that_is_being_claimed(
    laptop: Laptop,
) -> None:
    made, _ = laptop.create(laptop.spec())
    cloud = laptop.cloud

    def ours() -> list[str]:
        laptop.clock.sleep(60)
        return [one.id for one in cloud.find_ours(lambda name, found: tags.is_ours("ovh", name, found))]

    cloud.tag(made.id, {tags.READY: "1"}, [tags.BUILDER, tags.UNTIL])
    cloud.keep(made.id, print)
    for lost in (tags.HOST_ID, tags.PROVIDER, tags.HOST_NAME):
        cloud.tag(made.id, {}, [lost])
        assert ours() == [made.id], lost
    cloud.tag(made.id, {"mngr-claim.host-1": "x"}, [])
    assert ours() == []
    cloud.tag(made.id, {}, ["mngr-claim.host-1", tags.READY])
    assert ours() == []
    assert cloud.account().endswith(f" at {laptop.sim.env['OVH_ENDPOINT']}")
