"""A VPS that OVH couldn't charge for: kept for some days, switched off, and shown (460 about all but renewal and tags)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mngr.testing.cli import Cli
from mngr.testing.crash.checks import assert_owned
from mngr.testing.ovh import OvhWorld
from mngr.testing.world import cli, intents, listing

DAY_S = 86400.0


@pytest.fixture
def world(account: Callable[..., OvhWorld]) -> OvhWorld:
    """With a host whose next month wasn't paid."""
    world = account()
    cli(world).ok("create", "one", "--provider", "ovh", *world.create)
    world.cloud.ask("POST", "/behaviour", {"payment_method": False})
    world.pass_time(32 * DAY_S)
    return world


@pytest.fixture
def mngr(world: OvhWorld) -> Cli:
    return cli(world)


def test_its_host_is_shown_with_the_reason_and_nothing_is_done_to_it(world: OvhWorld, mngr: Cli) -> None:
    [before] = world.cloud.resources()
    mngr.ok("gc")
    shown = listing(world)
    [host] = shown["hosts"]
    assert (host["name"], host["state"], host["renews"]) == ("one", "unreachable", False)
    assert host["paid_until"] == before["expiration"][:10]
    assert "expired" in host["problem"]
    [row] = mngr.ok("ovh", "list", "--format", "json").json()["vps"]
    assert (row["state"], row["use"]) == ("expired", "host one")
    [after] = world.cloud.resources()
    assert (after["tags"], after["status"]) == (before["tags"], "expired")


def test_its_destroy_ends_at_once_and_isn_t_shown_any_more(world: OvhWorld, mngr: Cli) -> None:
    mngr.ok("destroy", "one", "--yes")
    shown = listing(world)
    assert shown["hosts"] == []
    assert_owned(world, shown)
    assert intents(world.home) == {}
    world.pass_time(8 * DAY_S)
    mngr.ok("gc")
    assert world.cloud.resources() == []


def test_list_stop_and_start_say_to_pay_or_to_destroy(world: OvhWorld, mngr: Cli) -> None:
    [before] = world.cloud.resources()
    [host] = listing(world)["hosts"]
    way_on = "pay on OVH's page to have it back, or `mngr destroy @one`"
    assert way_on in host["problem"]
    assert f"expired since {before['expiration'][:10]}" in host["problem"]
    for verb in ("stop", "start", "logs"):
        done = mngr(verb, "one")
        assert done.code == 4, done
        assert way_on in done.err


def test_once_ovh_has_removed_it_a_row_says_so_until_it_is_dismissed(world: OvhWorld, mngr: Cli) -> None:
    world.pass_time(8 * DAY_S)
    assert world.cloud.resources() == []
    mngr.ok("gc")
    whole = mngr("list", "--format", "json", codes=[0]).json()
    [host] = whole["hosts"]
    assert (host["name"], host["state"], host["agents"]) == ("one", "destroyed", ["one"])
    assert "doesn't have it any more" in host["problem"]
    assert "`mngr destroy @one` takes this row away" in host["problem"]
    assert mngr("exec", "one", "true").code != 0
    assert "doesn't have it any more" in mngr("logs", "one", codes=[4]).err
    for verb in ("start", "stop"):
        assert "doesn't have it any more" in mngr(verb, "one", codes=[3]).err
    mngr.ok("destroy", "one", "--yes")
    assert listing(world)["hosts"] == []
    assert mngr("destroy", "one", "--yes").code == 3


def test_one_that_was_destroyed_leaves_no_row(world: OvhWorld, mngr: Cli) -> None:
    mngr.ok("destroy", "one", "--yes")
    world.pass_time(40 * DAY_S)
    assert listing(world)["hosts"] == []
