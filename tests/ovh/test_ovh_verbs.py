"""`mngr ovh list`, `adopt`, `verify`, as a user types them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest

from mngr.testing.cli import Cli
from mngr.testing.ovh import OvhWorld
from mngr.testing.world import cli, listing

COLUMNS = ["SERVICE", "PLAN", "DATACENTER", "STATE", "EXPIRATION", "CANCEL?", "USE", "TAGS"]


def seed(world: OvhWorld, **more: object) -> str:
    return world.cloud.ask("POST", "/seed_vps", {"count": 1, **more})["services"][0]


def uses(mngr: Cli, *more: str) -> dict[str, str]:
    """Service → what `mngr ovh list` says that it is for."""
    rows = mngr.ok("ovh", "list", "--format", "json", *more).json()["vps"]
    return {row["service"]: row["use"] for row in rows}


def test_list_shows_mngr_s_own_and_with_all_the_rest(world: OvhWorld, mngr: Cli) -> None:
    foreign = seed(world, tags={"team": "web"})
    waiting = seed(world, tags={"mngr-provider": "ovh"}, cancelled=True)
    locked = seed(
        world, tags={"mngr-provider": "ovh", "mngr-recycling-by": "8d0c1a9e-somebody"}, cancelled=True
    )
    live = seed(
        world, tags={"mngr-provider": "ovh", "mngr-host-id": "host-1", "mngr-host-name": "box", "mngr-ready": "1"}
    )  # fmt: skip
    assert uses(mngr) == {waiting: "waits to be recycled", locked: "being recycled", live: "host box"}
    assert uses(mngr, "--all") == {**uses(mngr), foreign: "not mngr's"}

    head, *lines = mngr.ok("ovh", "list", "--all").out.splitlines()
    assert head.split() == COLUMNS
    shown = {line.split()[0]: line for line in lines}
    assert "mngr-recycling-by=8d0c1a9e-somebody" in shown[locked]
    for service, cancelled in ((foreign, "no"), (waiting, "yes"), (live, "no")):
        assert shown[service].split()[1:4] == ["vps-2025-model1", "US-EAST-VA", "running"]
        assert shown[service].split()[5] == cancelled


@pytest.mark.parametrize("more", [{}, {"mngr-host-id": "host-1", "mngr-host-name": "box"}], ids=str)
def test_list_says_of_what_renews_for_nobody_how_to_end_that(
    world: OvhWorld, mngr: Cli, more: dict[str, str]
) -> None:
    service = seed(world, tags={"mngr-provider": "ovh", **more})
    assert uses(mngr) == {service: f"nobody's, and renews: `mngr ovh adopt {service}`"}
    mngr.ok("ovh", "adopt", service, "--yes")
    assert uses(mngr) == {service: "waits to be recycled"}


def test_list_of_an_empty_account_says_where_to_look(mngr: Cli) -> None:
    assert "mngr ovh list --all" in mngr.ok("ovh", "list").out
    assert mngr("ovh", "list", "--format", "yaml").code == 2


def test_an_order_under_way_is_shown_with_all(world: OvhWorld, mngr: Cli) -> None:
    world.cloud.fault("order_stuck", method="POST", path="/order/cart/*/checkout", how="documentsRequested")
    failed = mngr("create", "one", "--provider", "ovh", *world.create, codes=(1,))
    assert "in review" in failed.err
    [order] = world.cloud.ask("GET", "/orders")["orders"]
    rows = mngr.ok("ovh", "list", "--all", "--format", "json").json()["vps"]
    assert [(row["service"], row["use"], row["state"]) for row in rows] == [
        ("(pending)", f"order {order['id']}", "in review")
    ]
    assert (
        f"order {order['id']} (vps-2025-model1, US-EAST-VA): in review: OVH wants documents"
        in mngr.ok("gc").out
    )


def test_part_of_the_list_is_shown_when_one_vps_can_t_be_read(world: OvhWorld, mngr: Cli) -> None:
    good = seed(world, tags={"mngr-provider": "ovh"}, cancelled=True)
    bad = seed(world, tags={"mngr-provider": "ovh"}, cancelled=True)
    world.cloud.fault("error", status=403, method="GET", path=f"/vps/{bad}", times=None)
    done = mngr("ovh", "list", codes=(5,))
    assert good in done.out
    assert bad not in done.out
    assert bad in done.err


def test_adopt_asks_then_cancels_then_a_create_recycles_it(world: OvhWorld, mngr: Cli) -> None:
    service = seed(world)
    refused = mngr("ovh", "adopt", service, codes=(2,))
    assert "WIPES" in refused.err
    assert "--yes" in refused.err
    assert uses(mngr, "--all") == {service: "not mngr's"}

    assert "adopted" in mngr.ok("ovh", "adopt", service, "--yes").out
    mngr.ok("ovh", "adopt", service, "--yes")  # repeatable
    assert uses(mngr) == {service: "waits to be recycled"}
    [row] = world.cloud.resources()
    assert not row["renews"]

    mngr.ok("create", "one", "--provider", "ovh", *world.create)
    assert [line["resource"] for line in world.cloud.bill()["lines"]] == [service]
    assert uses(mngr) == {service: "host one"}
    taken = mngr("ovh", "adopt", service, "--yes", codes=(4,))
    assert "carries host one" in taken.err
    other = seed(world, tags={"mngr-provider": "ovh-2"}, cancelled=True)
    assert "--provider ovh-2" in mngr("ovh", "adopt", other, "--yes", codes=(4,)).err
    assert "vps-nosuch" in mngr("ovh", "adopt", "vps-nosuch.vps.ovh.us", "--yes", codes=(3,)).err


def fingerprint(world: OvhWorld) -> str:
    """Of the only host's machine, as ssh-keygen shows it on the console."""
    [key] = [thing.tags["mngr-host-key"] for thing in world.things() if "mngr-host-key" in thing.tags]
    public = world.scratch / "key.pub"
    public.write_text(f"ssh-ed25519 {key}\n")
    shown = subprocess.run(["ssh-keygen", "-lf", str(public)], capture_output=True, text=True, check=True)
    return shown.stdout.split()[1]


def test_verify_confirms_the_key_that_the_console_shows(world: OvhWorld, mngr: Cli) -> None:
    mngr.ok("create", "one", "--provider", "ovh", "--no-code", "--yes")
    [host] = listing(world)["hosts"]
    assert host["ssh_trust"] == "unverified"
    shown = fingerprint(world)
    assert mngr("ovh", "verify", "one", "--fingerprint", "MD5:aa", codes=(2,)).err
    wrong = mngr("ovh", "verify", "one", "--fingerprint", "SHA256:" + "A" * 43, codes=(4,))
    assert "another key" in wrong.err
    assert listing(world)["hosts"][0]["ssh_trust"] == "unverified"
    assert shown in mngr.ok("ovh", "verify", "one", "--fingerprint", shown).out
    assert listing(world)["hosts"][0]["ssh_trust"] == "pinned"
    assert "verified before" in mngr.ok("ovh", "verify", "one", "--fingerprint", shown).out
    assert mngr("ovh", "verify", "nobody", "--fingerprint", shown, codes=(3,)).err


def test_verify_says_that_a_running_agent_stays_without_its_environment(world: OvhWorld, mngr: Cli) -> None:
    given = ("--env", "TOKEN=s3cret", "--", "sleep", "600")
    made = mngr.ok("create", "one", "--provider", "ovh", "--no-code", "--yes", *given)
    assert "withheld from one: TOKEN" in made.err
    done = mngr.ok("ovh", "verify", "one", "--fingerprint", fingerprint(world))
    assert "note: one started before that" in done.err
    assert "mngr create NEW-NAME@one --env" in done.err
    mngr.ok("stop", "one")
    mngr.ok("start", "one")
    assert mngr.ok("exec", "one", "echo [$TOKEN]").out == "[]\n", "as it is said"
    more = mngr.ok("create", "two@one", "--provider", "ovh", "--no-code", *given)
    assert "withheld" not in more.err
    assert mngr.ok("exec", "two", "echo [$TOKEN]").out == "[s3cret]\n"
    again = mngr.ok("ovh", "verify", "one", "--fingerprint", fingerprint(world))
    assert "note" not in again.err


def test_list_shows_a_month_s_price_and_destroy_until_when_it_is_paid(world: OvhWorld, mngr: Cli) -> None:
    mngr.ok("create", "one", "--provider", "ovh", *world.create)
    [host] = listing(world)["hosts"]
    assert (host["price_per_month"], host["currency"], host["price_per_hour"]) == (7.99, "USD", None)
    head, row = mngr.ok("list").out.splitlines()
    assert row[head.index("PRICE") :].startswith("7.99 USD/month ")
    assert f"paid until {host['paid_until']}, renews" in row
    assert "paid" not in mngr.ok("stop", "one", "--dry-run").out, "a stop loses nothing of it"
    stopped = mngr.ok("stop", "one").out
    assert stopped == "stopped one (which saves nothing on OVH: `mngr destroy` ends the renewal)\n"
    dry = mngr.ok("destroy", "one", "--dry-run").out
    assert f"paid until {host['paid_until']}, of which nothing is paid back" in dry
    assert dry.removeprefix("would destroy ").strip() in mngr("destroy", "one", codes=(2,)).err
    done = mngr.ok("destroy", "one", "--yes").out
    assert done == f"destroyed one (its machine is paid until {host['paid_until']}, and not renewed)\n"


def test_what_was_made_here_is_ready_though_its_tags_show_late(account: Callable[..., OvhWorld]) -> None:
    world = account(tag_lag=1.2)
    mngr = cli(world)
    world.cloud.ask("POST", "/behaviour", {"tag_lag_s": 1.2, "tag_list_lag_s": 1.2})
    mngr.ok("create", "one", "--provider", "ovh", "--no-code", "--yes")
    assert [host["state"] for host in listing(world)["hosts"]] == ["running"]
    mngr.ok("stop", "one")
    mngr.ok("start", "one")
    mngr.ok("destroy", "one", "--yes")


def test_a_gc_that_couldn_t_look_says_so_once_and_what_to_do_next(world: OvhWorld, mngr: Cli) -> None:
    world.cloud.fault("error", method="GET", path="/v2/iam/resource", status=400, times=None)
    said = mngr("gc", "--provider", "ovh", codes=(5,)).err.splitlines()
    assert [line for line in said if line.startswith("mngr: ovh: its machines can't be listed")]
    assert [line for line in said if line.startswith("  → mngr gc may be given again")]
