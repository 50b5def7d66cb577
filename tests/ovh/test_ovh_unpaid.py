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


def test_it_is_gone_once_ovh_has_removed_it(world: OvhWorld, mngr: Cli) -> None:
    world.pass_time(8 * DAY_S)
    mngr.ok("gc")
    assert listing(world)["hosts"] == []
    assert mngr("destroy", "one", "--yes").code == 3
