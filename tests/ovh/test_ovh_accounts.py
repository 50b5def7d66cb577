"""Accounts as they come: large ones, unpaid ones, with a right missing; through the command line."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from mngr.testing.cli import Cli
from mngr.testing.ovh import OvhWorld
from mngr.testing.world import cli, listing


def lacking(world: OvhWorld, *rules: str, kind: str = "keys") -> Cli:
    """mngr with credentials that lack these rights."""
    made = world.cloud.ask("POST", "/credentials", {"kind": kind, "without": list(rules)})
    env = {key: value for key, value in world.env.items() if not key.startswith("OVH_")}
    return Cli({**env, "OVH_ENDPOINT": world.env["OVH_ENDPOINT"], **made["env"]}, world.scratch)


def complaints(err: str) -> list[str]:
    return [line for line in err.splitlines() if line.startswith("mngr: ")]


def test_an_account_with_300_vpss(account: Callable[..., OvhWorld]) -> None:
    world = account("--preload", "300")
    mngr = cli(world)
    [ours] = world.cloud.ask(
        "POST", "/seed_vps", {"count": 1, "cancelled": True, "tags": {"mngr-provider": "ovh"}}
    )["services"]
    began = time.monotonic()
    assert len(mngr.ok("ovh", "list", "--format", "json").json()["vps"]) == 1
    whole = listing(world)
    assert [one["machine"] for one in whole.pop("spares")] == [ours]
    assert whole == {"agents": [], "hosts": [], "errors": []}
    assert time.monotonic() - began < 15, "looking at mngr's own doesn't read the account's others one by one"
    rows = mngr.ok("ovh", "list", "--all", "--format", "json").json()["vps"]
    assert len(rows) == len({row["service"] for row in rows}) == 301
    mngr.ok("create", "one", "--provider", "ovh", *world.create)
    assert len(world.cloud.bill()["lines"]) == 301, "the one that is paid for is found among them"
    assert [thing.id for thing in world.things() if thing.owner] == [ours]
    before = {one["id"]: one for one in world.cloud.resources()}
    mngr.ok("gc")
    assert {one["id"]: one["tags"] for one in world.cloud.resources()} == {
        id: one["tags"] for id, one in before.items()
    }
    mngr.ok("destroy", "one", "--yes")


@pytest.mark.parametrize(
    ("right", "words"),
    [
        ("GET /v2/iam/resource", ("list",)),
        ("GET /vps*", ("ovh", "list", "--all")),
        ("GET /me", ("create", "one")),
        ("POST /order/cart*", ("create", "one")),
        ("POST /order/cart/*/checkout", ("create", "one")),
        ("GET /me/order*", ("create", "one")),
        ("POST /v2/iam/resource/*/tag", ("create", "one")),
        ("PUT /vps/*/serviceInfos", ("create", "one")),
        ("POST /vps/*/rebuild", ("create", "one")),
        ("PUT /vps/*/serviceInfos", ("destroy", "two", "--yes")),
        ("DELETE /v2/iam/resource/*/tag*", ("destroy", "two", "--yes")),
    ],
)
def test_a_missing_right_is_named(
    account: Callable[..., OvhWorld], right: str, words: tuple[str, ...]
) -> None:
    world = account(vps_boot_timeout=20)
    if words[0] == "destroy":
        cli(world).ok("create", "two", "--provider", "ovh", *world.create)
    if words[0] == "ovh":
        world.cloud.ask("POST", "/seed_vps", {"count": 1})
    more = ("--provider", "ovh", *world.create) if words[0] == "create" else ()
    done = lacking(world, right)(*words, *more)
    assert done.code in (1, 5), done
    method, path = right.split()
    said = done.out + done.err
    assert f"lack the right to {method} " in said, done
    assert path.rstrip("*").rpartition("/")[2] in said.split("lack the right to")[1], done
    assert "Traceback" not in done.err
    # With the right given, everything is put in order, and what was bought is explained or on its way to be.
    for _ in range(3):
        world.pass_time(3600)
        cli(world).ok("gc")
    if words[0] == "destroy":
        cli(world)("destroy", "two", "--yes", codes=(0, 3))
    assert [thing for thing in world.things() if thing.tags or words[0] == "create"] == []
    assert world.markers() == []


def test_credentials_that_are_wrong_say_where_they_came_from(account: Callable[..., OvhWorld]) -> None:
    world = account()
    wrong = Cli({**world.env, "OVH_APPLICATION_SECRET": "0" * 32}, world.scratch)("ovh", "list")
    assert wrong.code in (1, 5)
    assert len(complaints(wrong.err)) == 1
    assert "refused the credentials" in wrong.err
    none = {key: value for key, value in world.env.items() if not key.startswith("OVH_")}
    lost = Cli({**none, "HOME": str(world.scratch)}, world.scratch)("ovh", "list")
    assert lost.code == 2
    assert "OVH_APPLICATION_KEY" in lost.err


def test_a_refused_payment_an_order_in_review_and_no_stock(account: Callable[..., OvhWorld]) -> None:
    world = account()
    mngr, cloud = cli(world), world.cloud
    checkout = {"method": "POST", "path": "/order/cart/*/checkout"}
    create = ("create", "one", "--provider", "ovh", *world.create)

    cloud.ask("POST", "/behaviour", {"out_of_stock": ["US-EAST-VA"]})
    done = mngr(*create, codes=(1,))
    assert "out of stock" in complaints(done.err)[0]
    assert world.markers() == []
    cloud.ask("POST", "/behaviour", {"out_of_stock": [], "payment_method": False})
    done = mngr(*create, codes=(1,))
    assert "payment method" in complaints(done.err)[0]
    assert world.markers() == []
    cloud.ask("POST", "/behaviour", {"payment_method": True})
    assert cloud.bill()["lines"] == []

    cloud.fault("payment_refused", **checkout)
    done = mngr(*create, codes=(1,))
    assert len(complaints(done.err)) == 1
    assert "isn't paid" in complaints(done.err)[0]
    assert cloud.bill()["lines"] == []
    assert len(world.markers()) == 1
    world.pass_time(8 * 86400)  # OVH gives up on it
    mngr.ok("gc")
    assert world.markers() == []

    for how in ("documentsRequested", "checking"):
        cloud.fault("order_stuck", how=how, **checkout)
        short = {"VPS_BOOT_TIMEOUT": "2", "ENABLE_RECYCLE_CANCELLED": "false"}
        named = {f"MNGR__PROVIDERS__OVH__{key}": value for key, value in short.items()}
        done = Cli({**world.env, **named}, world.scratch)(*create, codes=(1,))
        assert len(complaints(done.err)) == 1
        assert ("in review" if how == "documentsRequested" else "not delivered within 2 s") in done.err
        assert len(world.markers()) == 1
        assert world.things() == [], "the marker explains it"
        cloud.ask("POST", "/orders/release", {"then": "deliver"})
        for _ in range(3):
            world.pass_time(1000)
            mngr.ok("gc")
        assert world.markers() == []
        assert world.things() == []
        bought = len(cloud.bill()["lines"])
        mngr.ok(*create)
        assert len(cloud.bill()["lines"]) == bought, "what was delivered late is used"
        mngr.ok("destroy", "one", "--yes")


@pytest.mark.parametrize(
    ("build_arg", "right"),
    [
        ("--vps-plan=vps-nosuch", "vps-2025-model2"),
        ("--vps-datacenter=MARS", "US-WEST-OR"),
        ("--vps-image=CP/M", "Debian 12 - Docker"),
    ],
)
def test_an_unknown_plan_datacenter_or_image_names_the_valid_ones(
    account: Callable[..., OvhWorld], build_arg: str, right: str
) -> None:
    world = account()
    done = cli(world)("create", "one", "--provider", "ovh", *world.create, "-b", build_arg, codes=(2,))
    assert len(complaints(done.err)) == 1
    assert right in done.err
    assert world.cloud.bill()["lines"] == []


def test_the_question_before_an_order_tells_of_recycling_where_it_is_on(
    account: Callable[..., OvhWorld],
) -> None:
    world = account()
    asked = cli(world)("create", "one", "--provider", "ovh", "--no-code", codes=(2,))
    assert "USD 7.99 for a month" in asked.err
    assert "it is taken instead: then nothing is paid now" in asked.err
    off = Cli({**world.env, "MNGR__PROVIDERS__OVH__ENABLE_RECYCLE_CANCELLED": "false"}, world.scratch)
    asked = off("create", "one", "--provider", "ovh", "--no-code", codes=(2,))
    assert "taken instead" not in asked.err
    assert world.cloud.bill()["lines"] == []


@pytest.mark.parametrize("how", ["--yes", "assume_yes"])
def test_the_price_is_shown_where_nobody_is_asked(account: Callable[..., OvhWorld], how: str) -> None:
    world = account(assume_yes=how == "assume_yes")
    words = ("create", "one", "--provider", "ovh", "--no-code", *(["--yes"] if how == "--yes" else []))
    made = cli(world).ok(*words).err
    [host] = listing(world)["hosts"]
    for line in (
        "USD 7.99 a month",
        f"renews on {host['paid_until']} and every month after that, until it is destroyed",
        "destroying it cancels the renewal: it runs on, paid, until then; nothing is paid back",
    ):
        assert made.count(line) == 1
        assert made.index(line) < made.index("create one: order"), "before anything is bought"
    assert "Go on?" not in made
    onto = cli(world).ok("create", "two@one", "--provider", "ovh", "--no-code", "--yes", "--", "sleep", "600")
    assert "USD" not in onto.err


def test_nobody_is_asked_about_a_price_for_a_host_that_is_there(account: Callable[..., OvhWorld]) -> None:
    world = account()
    mngr = cli(world)
    mngr.ok("create", "one", "--provider", "ovh", *world.create)
    bill = world.cloud.bill()["lines"]
    done = mngr.ok(
        "create", "two@one", "--provider", "ovh", "--no-code", "--no-connect", "--", "sleep", "600"
    )
    assert "USD" not in done.err
    again = mngr("create", "one", "--provider", "ovh", "--no-code", codes=(4,))
    assert "already" in again.err
    assert len(world.cloud.bill()["lines"]) == len(bill) == 1
    mngr.ok("destroy", "@one", "--yes")


@pytest.mark.parametrize("verb", ["list", "create", "stop", "destroy", "gc"])
def test_an_api_that_is_down_is_told_soon_and_nothing_is_lost(
    account: Callable[..., OvhWorld], verb: str
) -> None:
    world = account()
    mngr = cli(world)
    mngr.ok("create", "two", "--provider", "ovh", *world.create)
    bought = world.things()
    world.cloud.fault("error", status=503, times=None)
    words = {
        "create": ("create", "one", "--provider", "ovh", *world.create),
        "destroy": ("destroy", "two", "--yes"),
        "stop": ("stop", "two"),
    }
    done = mngr(*words.get(verb, (verb,)), limit_s=60)
    assert done.code in (1, 5), done
    assert "OVH" in done.err + done.out
    assert "Traceback" not in done.err
    world.cloud.clear()
    assert world.things() == bought
    assert mngr.ok("exec", "two", "echo here").out == "here\n"
    mngr.ok("destroy", "two", "--yes")


@pytest.mark.parametrize("name", ["docker", "local"])
def test_what_an_instance_is_called_spares_nobody_the_question(world: OvhWorld, name: str) -> None:
    mngr = Cli({**world.env, f"MNGR__PROVIDERS__{name.upper()}__BACKEND": "ovh"}, world.scratch)
    asked = mngr("create", "one", "--provider", name, "--no-code", codes=(2,))
    assert "USD 7.99 for a month" in asked.err
    assert "nobody can be asked" in asked.err
    assert world.cloud.bill()["lines"] == []


def test_another_account_s_keys_make_nothing_vanish(account: Callable[..., OvhWorld]) -> None:
    world = account()
    mngr = cli(world)
    mngr.ok("create", "one", "--provider", "ovh", *world.create)
    other = cli(account())
    for words in (["list"], ["stop", "one"], ["start", "one"], ["destroy", "one", "--yes"], ["gc"]):
        done = other(*words, codes=[5])
        assert "doesn't know it" in done.out + done.err
        assert "last seen on 20" in done.out + done.err or words != ["list"]
    [host] = listing(world)["hosts"]
    assert (host["name"], host["state"], host["problem"]) == ("one", "running", None)
    mngr.ok("destroy", "one", "--yes")


@pytest.mark.parametrize("endpoint", ["ovh-eu", "http://127.0.0.1:9/1.0"])
def test_another_endpoint_makes_nothing_vanish(world: OvhWorld, mngr: Cli, endpoint: str) -> None:
    mngr.ok("create", "one", "--provider", "ovh", *world.create)
    unreachable = {"HTTPS_PROXY": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
    elsewhere = {"OVH_ENDPOINT": endpoint, "MNGR__PROVIDERS__OVH__ENDPOINT": endpoint}
    other = Cli({**mngr.env, **elsewhere, **unreachable}, mngr.cwd)
    done = other("list", codes=[5])
    assert "one.ovh" in done.out
    assert other("destroy", "one", "--yes", "--no-gc").code == 5
    assert other("gc").code == 5
    [host] = listing(world)["hosts"]
    assert (host["name"], host["state"]) == ("one", "running")
    mngr.ok("destroy", "one", "--yes")
