"""Fallbacks as they are typed: what is shown before, what is killed between two tries, what the list says after."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from mngr.testing.azure import HASTY, AzureWorld
from mngr.testing.cli import Cli
from mngr.testing.cloud import SimulatedCloud
from mngr.testing.fakes import Fakes

FALLBACK = ("-b", "--azure-fallback-regions=eastus", "-b", "--azure-fallback-sizes=Standard_D2s_v5")
CREATE = ("create", "box", "--provider", "azure", "--no-code", "--yes", *FALLBACK)


@pytest.fixture
def world(tmp_path: Path, fakes: Fakes) -> Iterator[AzureWorld]:
    cloud = SimulatedCloud(
        "azure", *HASTY, "--machines", "fake", "--machines-cmd", str(fakes.command), env=fakes.env
    )
    url = cloud.ready["https_env"]["MNGR__PROVIDERS__AZURE__API_URL"]
    made = AzureWorld(cloud, tmp_path, fakes, settings={"MNGR__PROVIDERS__AZURE__PRICES_URL": url})
    cloud.ask("POST", "/capacity", {"region": "westus", "is": "none"})
    yield made
    cloud.stop()


def test_killed_between_two_tries_and_run_again(world: AzureWorld) -> None:
    mngr = Cli(world.env, world.scratch)
    shown = mngr.ok(*CREATE, "--dry-run").out
    assert "USD 0.05779 an hour\n" in shown
    assert (
        "if there is no room for that: Standard_D2s_v5 in westus, USD 0.1225 an hour, which is more" in shown
    )
    assert "if there is no room for that: Standard_B2s in eastus, USD 0.04989 an hour\n" in shown

    world.cloud.gate("before_commit", method="PUT", path="**/virtualMachines/*", nth=3)
    running = mngr.start(*CREATE)
    assert world.cloud.held(60)
    os.killpg(running.pid, signal.SIGKILL)
    running.communicate()
    world.cloud.release("drop")
    world.cloud.clear()

    again = mngr.ok(*CREATE)
    assert "Standard_B2s in eastus" in again.err
    (host,) = mngr.ok("list", "--format", "json").json()["hosts"]
    assert (host["plan"], host["region"], host["price_per_hour"]) == (
        "Standard_B2s",
        "eastus",
        pytest.approx(0.0416 + 2.4 / 730 + 0.005, abs=1e-5),
    )
    assert {one.kind for one in world.things()} == {
        "virtualMachines", "disks", "publicIPAddresses", "networkInterfaces", "roleAssignments",
    }  # fmt: skip
    mngr.ok("destroy", "box", "--yes")
    assert world.things() == []


def test_no_room_at_all_says_what_may_have_some_and_leaves_nothing(world: AzureWorld) -> None:
    mngr = Cli(world.env, world.scratch)
    done = mngr("create", "box", "--provider", "azure", "--no-code", "--yes", codes=(1,), limit_s=300)
    assert "SkuNotAvailable" in done.err
    assert "in westus there may be Standard_B2als_v2 (USD 0.05303 an hour)" in done.err
    assert "Standard_B2s may be had in westus3" in done.err
    assert world.things() == []
