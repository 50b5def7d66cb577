"""How hosts show that are deallocated, shut down, evicted: through the command line, on fake machines."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from mngr.testing.azure import HASTY, AzureWorld
from mngr.testing.cli import Cli
from mngr.testing.cloud import SimulatedCloud
from mngr.testing.fixtures import fakes

__all__ = ["fakes"]

TOKEN = "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://management.azure.com/"


@pytest.fixture(scope="module")
def world(tmp_path_factory, fakes):
    cloud = SimulatedCloud(
        "azure", *HASTY, "--machines", "fake", "--machines-cmd", str(fakes.command), env=fakes.env
    )
    yield AzureWorld(cloud, tmp_path_factory.mktemp("azure"), fakes)
    cloud.stop()


@pytest.fixture(scope="module")
def mngr(world: AzureWorld) -> Cli:
    return Cli(world.env, world.scratch)


def create(mngr: Cli, name: str, *words: str) -> None:
    mngr.ok("create", name, "--provider", "azure", "--no-code", "-y", *words, "--", "sleep", "9999")


def host(mngr: Cli, name: str) -> dict[str, Any]:
    rows = json.loads(mngr("list", "--format", "json", codes=(0, 5)).out)["hosts"]
    (found,) = [one for one in rows if one["name"] == name]
    return found


def vm(world: AzureWorld, name: str) -> dict[str, Any]:
    (found,) = [one for one in world.cloud.resources("virtualMachines") if f"-{name}-" in one["name"]]
    return found


def as_itself(world: AzureWorld, name: str, action: str) -> int:
    """The VM asks that of Azure with its own identity; the answer's status."""
    from support import azure

    one = vm(world, name)
    token = world.cloud.ask("POST", "/imds", {"vm": one["id"], "target": TOKEN})["body"]["access_token"]
    url = f"{world.cloud.ready['env']['MNGR__PROVIDERS__AZURE__API_URL']}{one['id']}/{action}?api-version=2022-11-01"
    return azure.send("POST", url, b"", {"Authorization": f"Bearer {token}"}).status


def until_settled(world: AzureWorld, name: str, seconds: int) -> None:
    """So much time passes in the cloud, and its machine does what Azure was asked for, which takes its own time."""
    world.pass_time(seconds)
    end = time.monotonic() + 30
    while vm(world, name)["state"] == "Updating":
        assert time.monotonic() < end
        time.sleep(0.05)


def test_stopped_by_itself_and_by_hand(world: AzureWorld, mngr: Cli) -> None:
    create(mngr, "idler")
    world.pass_time(300)  # the role takes effect
    assert as_itself(world, "idler", "deallocate") == 202
    until_settled(world, "idler", 180)
    found = host(mngr, "idler")
    assert (found["state"], found["idle"]["stop_cause"]) == ("paused", "idle")
    assert found["stopped_at"]
    assert not found["problem"]
    (row,) = [line for line in mngr.ok("list").out.splitlines() if line.startswith("idler")]
    assert ": idle" in row
    assert "stopped" in row
    assert "by itself" in mngr.ok("show", "idler").out
    world.pass_time(3 * 3600)
    before = host(mngr, "idler")
    assert before["price_stopped_per_hour"] == pytest.approx(2.4 / 730 + 0.005, abs=1e-5)
    assert before["price_per_hour"] == pytest.approx(0.0495 + before["price_stopped_per_hour"], abs=1e-5)
    assert before["saved"] == pytest.approx(3 * 0.0495, rel=0.05)
    assert before["cost_so_far"] < 1.5 * before["price_per_hour"]
    assert "stops saved 0.15" in mngr.ok("show", "idler").out
    assert "a stop saves all but its disk and its address (0.0495 of " in mngr.ok("show", "idler").out
    mngr.ok("start", "idler")
    assert host(mngr, "idler")["saved"] == pytest.approx(before["saved"], rel=0.05)
    mngr.ok("stop", "idler")
    world.cloud.fault("error", path="**/eventtypes/management/values", times=9)
    found = host(mngr, "idler")  # Azure doesn't say how it stopped
    assert (found["state"], found["stopped_at"]) == ("stopped", None)
    assert (found["idle"]["mode"], found["idle"]["timeout_s"]) == ("io", 800)
    world.cloud.clear()
    world.pass_time(180)
    found = host(mngr, "idler")
    assert (found["state"], found["idle"]["stop_cause"]) == ("stopped", None)
    assert found["stopped_at"]
    assert "by hand" in found["idle"]["stop_reason"]
    mngr.ok("destroy", "idler", "-y")


def test_the_end_of_a_lifetime_shows_as_that_though_nobody_had_listed_it(
    world: AzureWorld, mngr: Cli
) -> None:
    create(mngr, "mayfly", "--max-lifetime", "1800")
    world.pass_time(1800)
    assert as_itself(world, "mayfly", "deallocate") == 202
    until_settled(world, "mayfly", 180)
    for _ in range(2):
        found = host(mngr, "mayfly")
        assert (found["state"], found["idle"]["stop_cause"]) == ("stopped", "lifetime")
    mngr.ok("start", "mayfly")  # a lifetime anew
    world.pass_time(300)
    assert as_itself(world, "mayfly", "deallocate") == 202
    until_settled(world, "mayfly", 700)
    found = host(mngr, "mayfly")
    assert (found["state"], found["idle"]["stop_cause"]) == ("paused", "idle")
    mngr.ok("destroy", "mayfly", "-y")


def test_a_shutdown_from_within_is_no_stop(world: AzureWorld, mngr: Cli) -> None:
    create(mngr, "offer")
    from support import azure

    there = azure.Arm(world.cloud, world.cloud.env)  # type: ignore[arg-type]
    there.done("POST", f"{vm(world, 'offer')['id']}/powerOff")
    found = host(mngr, "offer")
    assert found["state"] == "crashed"
    assert "Azure bills all the same" in found["problem"]
    assert "`mngr stop` ends that" in found["problem"]
    assert found["stopped_at"] is None
    mngr.ok("stop", "offer")
    assert vm(world, "offer")["state"] == "deallocated"
    assert host(mngr, "offer")["state"] == "stopped"
    mngr.ok("destroy", "offer", "-y")


def test_an_evicted_host_stays_listed_until_it_is_destroyed(world: AzureWorld, mngr: Cli) -> None:
    create(mngr, "spotty", "-b", "--azure-spot")
    assert host(mngr, "spotty")["spot"] is True
    world.cloud.ask("POST", "/evict", {"vm": vm(world, "spotty")["name"]})
    world.pass_time(60)
    soon = host(mngr, "spotty")
    assert soon["state"] == "evicted"  # the log isn't that far yet
    world.pass_time(180)
    for _ in range(2):
        found = host(mngr, "spotty")
        assert (found["state"], found["agents"]) == ("evicted", ["spotty"])
        assert found["stopped_at"]
        assert f"took its spot machine back at {found['stopped_at']}" in found["problem"]
    (row,) = [line for line in mngr.ok("list").out.splitlines() if line.startswith("spotty")]
    assert "evicted " in row
    assert "ago" in row
    assert "unknown" not in row
    assert "evicted" in mngr.ok("show", "spotty").out
    assert "took its spot machine back" in mngr("start", "spotty", codes=(3,)).err
    assert "evicted" in mngr("create", "other@spotty.azure", "--no-code", "-y", codes=(4,)).err
    mngr.ok("gc")
    assert host(mngr, "spotty")["state"] == "evicted"
    assert [one for one in world.cloud.resources("roleAssignments") if "-spotty-" in one["id"]] == []
    mngr.ok("destroy", "spotty", "-y")
    assert "spotty" not in mngr.ok("list").out
    create(mngr, "spotty")
    assert host(mngr, "spotty")["state"] == "running"
    mngr.ok("destroy", "spotty", "-y")


def test_a_spot_host_that_another_computer_destroyed_leaves_no_row(world: AzureWorld, mngr: Cli) -> None:
    create(mngr, "borrowed", "-b", "--azure-spot")
    Cli(world.other_home().env, world.scratch).ok("destroy", "@borrowed", "-y", "--unknown-agents")
    world.pass_time(180)
    assert "borrowed" not in mngr.ok("list").out


def test_damaged_agent_tags_heal_at_the_next_start(world: AzureWorld, mngr: Cli) -> None:
    from support import azure

    create(mngr, "torn")
    mngr.ok("stop", "torn")
    there = azure.Arm(world.cloud, world.cloud.env)  # type: ignore[arg-type]
    one = vm(world, "torn")
    damage = {
        key: value
        for key, value in (tag.split("=", 1) for tag in one["tags"])
        if key.startswith("mngr-agent-")
    }
    path = f"{one['id']}/providers/Microsoft.Resources/tags/default"
    there.done("PATCH", path, {"operation": "Delete", "properties": {"tags": damage}})
    elsewhere = Cli(world.other_home().env, world.scratch)
    found = host(elsewhere, "torn")
    assert (found["agents"], found["agents_known"]) == ([], False)
    assert "a start writes them anew" in found["problem"]
    mngr.ok("start", "torn")
    mngr.ok("stop", "torn")
    found = host(elsewhere, "torn")
    assert (found["agents"], found["agents_known"]) == (["torn"], True)
    assert not found["problem"]
    mngr.ok("destroy", "torn", "-y")


@pytest.mark.parametrize("spot", [(), ("-b", "--azure-spot")], ids=["", "spot"])
def test_a_record_that_is_written_anew_has_its_prices(world: AzureWorld, mngr: Cli, spot: tuple[str]) -> None:
    create(mngr, "lost", *spot)
    before = host(mngr, "lost")
    home, state = (
        Path(mngr.env["MNGR_HOME"]),
        "docker rm -f mngr-state-azure && docker volume rm mngr-state-azure",
    )
    config = home / "profile/providers/azure/azure/ssh" / before["id"]
    subprocess.run(["ssh", "-F", str(config), before["id"], state], env=mngr.env, check=True, timeout=60)
    (home / "cache/azure" / f"{before['id']}.json").unlink()
    mngr.ok("stop", "@lost")
    mngr.ok("start", "@lost")
    prices = ("price_per_hour", "price_stopped_per_hour", "currency")
    now = host(mngr, "lost")
    assert [now[key] for key in prices] == [before[key] for key in prices]
    assert now["price_per_hour"]
    mngr.ok("destroy", "lost", "-y")
