"""Several computers create at once on one account, each with its own MNGR_HOME, through the real command line."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mngr.testing.cli import finish
from mngr.testing.ovh import OvhWorld
from mngr.testing.world import cli, listing

#: Long enough for calls of several mngrs on a busy computer.
SETTINGS = {"claim_time": 4, "tag_lag": 0.2}


@pytest.mark.parametrize(("laptops", "waiting"), [(2, 1), (3, 2), (4, 2)])
def test_each_vps_has_one_winner_and_nobody_orders_needlessly(
    account: Callable[..., OvhWorld], laptops: int, waiting: int
) -> None:
    world = account(**SETTINGS)
    seed = {"count": waiting, "cancelled": True, "tags": {"mngr-provider": "ovh"}}
    seeded = world.cloud.ask("POST", "/seed_vps", seed)["services"]
    worlds = [world.other_home() for _ in range(laptops)]
    argv = [("create", f"box-{n}", "--provider", "ovh", *world.create) for n in range(laptops)]
    running = [cli(one).start(*words) for one, words in zip(worlds, argv, strict=True)]
    done = [finish(process, words, limit_s=200) for process, words in zip(running, argv, strict=True)]
    assert [one.code for one in done] == [0] * laptops, "\n".join(map(str, done))

    bought = [line["resource"] for line in world.cloud.bill()["lines"]]
    assert set(seeded) <= set(bought)
    assert len(bought) == laptops, f"a needless order: {bought}"
    hosts = [host for one in worlds for host in listing(one)["hosts"] if host["state"] == "running"]
    assert sorted(host["name"] for host in hosts) == [f"box-{n}" for n in range(laptops)]
    owners = [thing.owner for thing in world.things()]
    assert sorted(owners) == sorted(host["id"] for host in hosts), "each host has a VPS of its own"
    for one, words in zip(worlds, argv, strict=True):
        assert cli(one).ok("exec", words[1], "echo $MNGR_AGENT_NAME").out.strip() == words[1]
    left = [key for thing in world.things() for key in thing.tags if key.startswith("mngr-claim.")]
    assert left == []
