"""Answers that OVH doesn't describe: they end one look with one error, never a create, and never cost another marker."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mngr.backends.ovh.buying import order
from mngr.backends.ovh.parts import Parts
from mngr.model.errors import MngrError
from mngr.testing.ovh import OvhWorld
from mngr.testing.world import cli
from support.ovh import Account, Here

from .conftest import HOST, Laptop

OTHER = "host-fedcba9876543210"

#: What reconcile reads → answers without their fields, with null in them, or of another kind.
ODD: dict[str, list[Any]] = {
    "/me/order/*/status": [None, {}, 7, ["delivered"]],
    "/me/order/*/details": [None, {}, "none", [None], [{}], 5],
    "/me/order/*/details/*": [[], "text", 5],
    "/me/order/*/details/*/extension": [[1], "text", {"order": []}, {"order": "x"}, {"order": {"plan": 5}}],
    "/me/order/*/details/*/operations": [{"a": 1}, "text", 5],
    "/me/order/*/details/*/operations/*": [["x"], "text", {"resource": "x"}, {"resource": 5}],
    "/vps/*": [None, {}, [], "text", {"name": None}, {"name": "a", "state": "b", "iam": []}, {"name": "a", "state": "b", "model": 5}],
    "/vps/*/ips": [5, {"a": 1}],
    "/vps/*/datacenter": [[1], "text", 5],
    "/vps/*/serviceInfos": [None, [], "text", {}, {"status": "ok"}, {"status": "ok", "expiration": None}, {"status": "ok", "expiration": "2027-01-01", "renew": []}],
}  # fmt: skip
ROWS = [(path, answer) for path, answers in ODD.items() for answer in answers]


def abandoned(laptop: Laptop, host: str) -> int:
    """An order whose create died while it waited; its number."""
    kept: dict[str, str] = {}
    assert laptop.cloud.create(laptop.spec(host), kept, kept.update, print) is None
    return int(kept["order"])


@pytest.mark.parametrize(("path", "answer"), ROWS, ids=str)
def test_an_odd_answer_about_one_order_stops_neither_the_others_nor_the_create(
    laptop: Laptop, sim: Here, path: str, answer: Any
) -> None:
    account = Account(sim)
    orders = [abandoned(laptop, HOST), abandoned(laptop, OTHER)]
    services = [account.delivered(order) for order in orders]
    laptop.clock.sleep(300)
    first = path.replace("/me/order/*", f"/me/order/{orders[0]}").replace("/vps/*", f"/vps/{services[0]}")
    sim.fault("error", method="GET", path=first, status=200, body=answer, times=None)
    said: list[str] = []
    for _ in range(3):
        laptop.cloud.reconcile(warn=said.append)
        laptop.clock.sleep(10)
    assert f"order-{orders[1]}" not in [one.key for one in laptop.markers.all()]
    assert "mngr-provider=ovh" in next(
        one["tags"] for one in sim.bill()["lines"] if one["resource"] == services[1]
    )
    sim.clear()
    for _ in range(3):
        laptop.cloud.reconcile()
        laptop.clock.sleep(10)
    assert laptop.markers.all() == []


CART = [
    ("GET", "/order/cart/*", [None, [], {}, "text", {"readOnly": None}]),
    ("GET", "/me/order", [None, {}, "text", [None], ["x"]]),
    ("GET", "/me/order/*", [None, [], {}, {"date": None}, {"date": "soon"}]),
    ("GET", "/auth/time", [None, {}, "soon"]),
]


@pytest.mark.parametrize(
    ("path", "answer"), [(path, answer) for _, path, answers in CART for answer in answers], ids=str
)
def test_an_odd_answer_about_a_lost_checkout_keeps_its_marker_and_buys_nothing(
    laptop: Laptop, sim: Here, path: str, answer: Any, tmp_path: Path
) -> None:
    kept: dict[str, str] = {}
    checkout = order._checkout

    def dies(parts: Parts, cart: str) -> int:
        checkout(parts, cart)
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(order, "_checkout", dies)
        with pytest.raises(KeyboardInterrupt):
            laptop.cloud.create(laptop.spec(), {}, kept.update, print)
    markers = laptop.markers.all()
    laptop.clock.sleep(1000)
    sim.fault("error", method="GET", path=path, status=200, body=answer, times=None)
    after = Laptop(sim, tmp_path / "one")
    said: list[str] = []
    after.cloud.reconcile(warn=said.append)
    spec = laptop.spec()
    try:
        after.cloud.create(spec, dict(kept), lambda more: None, print)
    except MngrError as error:
        said.append(str(error))
    assert said or after.markers.all() != markers
    assert len(after.markers.all()) == 1
    assert len(sim.bill()["lines"]) == 1


@pytest.mark.parametrize(
    "path", ["/me/order/*/status", "/me/order/*/details", "/vps/*", "/vps/*/serviceInfos"]
)
def test_a_create_goes_on_though_reconcile_reads_nonsense(
    account: Callable[..., OvhWorld], path: str
) -> None:
    world = account(vps_boot_timeout=4, enable_recycle_cancelled="false")
    world.cloud.fault("order_stuck", method="POST", path="/order/cart/*/checkout", times=1)
    cli(world)("create", "one", "--provider", "ovh", *world.create, codes=(1,))
    [marker] = world.markers()
    order = str(marker["order_id"])
    [service] = next(
        one["services"] for one in world.cloud.ask("GET", "/orders")["orders"] if str(one["id"]) == order
    )
    world.cloud.ask("POST", "/orders/release", {"then": "deliver"})
    world.pass_time(600)
    world.cloud.settle()
    first = path.replace("/me/order/*", f"/me/order/{order}").replace("/vps/*", f"/vps/{service}")
    world.cloud.fault("error", method="GET", path=first, status=200, body={"odd": None}, times=None)
    made = cli(world).ok("create", "two", "--provider", "ovh", *world.create)
    assert "warning: pending order" in made.err
    assert "Traceback" not in made.err
    assert world.markers() == [marker]
