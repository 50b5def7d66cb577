"""A create that ends before its order is delivered says so: the order's number, and what becomes of it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

from mngr.testing.cli import finish
from mngr.testing.ovh import OvhWorld
from mngr.testing.world import cli

CHECKOUT = {"method": "POST", "path": "/order/cart/*/checkout"}


def assert_told(world: OvhWorld, err: str) -> None:
    [order] = world.cloud.ask("GET", "/orders")["orders"]
    [said] = [line for line in err.splitlines() if line.startswith("  → ")]
    assert f"order {order['id']} can't be taken back" in said
    assert "cancelled by the next `mngr create` or `mngr gc`" in said
    assert "`mngr ovh list --all` shows it" in said
    assert f"order {order['id']}" in cli(world).ok("ovh", "list", "--all").out


def settle(world: OvhWorld) -> None:
    """What was said comes true: the VPS is delivered, cancelled by gc, and taken by a create at no new charge."""
    world.cloud.ask("POST", "/orders/release", {"then": "deliver"})
    for _ in range(3):
        world.pass_time(1000)
        cli(world).ok("gc")
    assert world.markers() == []
    cli(world).ok("create", "two", "--provider", "ovh", *world.create)
    assert len(world.cloud.bill()["lines"]) == 1


def test_after_the_time_out(account: Callable[..., OvhWorld]) -> None:
    world = account(vps_boot_timeout=2)
    world.cloud.fault("order_stuck", how="checking", **CHECKOUT)
    done = cli(world)("create", "one", "--provider", "ovh", *world.create, codes=(1,))
    assert "not delivered within 2 s" in done.err
    assert "raise vps_boot_timeout" in done.err
    assert_told(world, done.err)
    settle(account_with_time(world))


def account_with_time(world: OvhWorld) -> OvhWorld:
    """The same, with the usual time-out."""
    settings = {key: value for key, value in world.settings.items() if "BOOT_TIMEOUT" not in key}
    return OvhWorld(world.cloud, world.scratch, world.fakes, settings=settings)


def test_after_ctrl_c(account: Callable[..., OvhWorld]) -> None:
    world = account()
    world.cloud.fault("order_stuck", how="checking", **CHECKOUT)
    words = ("create", "one", "--provider", "ovh", *world.create)
    process = cli(world).start(*words)
    end = time.monotonic() + 60
    while not any(one["order_id"] for one in world.markers()):
        assert time.monotonic() < end, "it never ordered"
        assert process.poll() is None
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    done = finish(process, words)
    assert done.code == 130
    assert "interrupted" in done.err
    assert "taken back\n" not in done.err, "which an order can't be"
    assert_told(world, done.err)
    settle(world)
