"""Each way in which OVH misbehaves (docs/clouds-as-they-are.md) × each verb, through the command line: it ends done, or with one clear
message and its exit code, in time; what is on the bill is explained at once, and nothing is left once all was mended."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from mngr.testing.cli import Cli, Done
from mngr.testing.crash.checks import assert_owned
from mngr.testing.ovh import OvhWorld
from mngr.testing.world import cli, intents, listing

LIMIT_S = 60.0
CHECKOUT = {"method": "POST", "path": "/order/cart/*/checkout"}
REBUILD = {"method": "POST", "path": "/vps/*/rebuild"}
WRITES = (
    CHECKOUT,
    REBUILD,
    {"method": "POST", "path": "/v2/iam/resource/*/tag"},
    {"method": "DELETE", "path": "/v2/iam/resource/*/tag/*"},
    {"method": "PUT", "path": "/vps/*/serviceInfos"},
)
EACH_METHOD = ("GET", "POST", "PUT", "DELETE")


@dataclass(frozen=True)
class Wrong:
    """`fails`: verbs that can't end well. `unknown`: OVH says that it doesn't have what is asked for, so that a verb may say
    so, too. `swaps`: the VPS that is recycled can't be had (the faults act once then), so
    that the create takes another, or orders."""

    behaviour: Mapping[str, float] = field(default_factory=dict)
    faults: Sequence[Mapping[str, Any]] = ()
    fails: Sequence[str] = ()
    swaps: bool = False
    unknown: bool = False


TABLE = {
    "everything takes its time": Wrong(
        behaviour={
            "delivery_s": 2, "deliver_task_s": 1, "subscription_inactive_s": 1, "rebuild_s": 1, "rebuild_busy_s": 1,
            "tasks_lag_s": 0.3, "power_s": 1,
        }
    ),
    "lists and tags are late": Wrong(
        behaviour={"list_lag_s": 0.5, "order_list_lag_s": 0.5, "tag_lag_s": 0.15, "tag_list_lag_s": 0.15, "tasks_lag_s": 0.5}
    ),
    "a call of each kind fails": Wrong(
        faults=[{"do": "error", "status": 500, "method": method, "nth": 2} for method in EACH_METHOD]
    ),
    "a call of each kind is throttled": Wrong(
        faults=[{"do": "throttle", "method": method, "retry_after_s": 0.2, "times": 2} for method in EACH_METHOD]
    ),
    "each first write's answer is lost": Wrong(faults=[{"do": "lose_answer", **one} for one in WRITES]),
    "each second write's answer is lost": Wrong(
        faults=[{"do": "lose_answer", "nth": 2, **one} for one in WRITES]
    ),
    "answers that aren't JSON": Wrong(
        faults=[
            {"do": "error", "status": 502, "body": "<html>Bad gateway</html>", "method": method, "nth": 3}
            for method in EACH_METHOD
        ]
    ),
    "VPSs show as they were long ago": Wrong(unknown=True,
        faults=[{"do": "stale", "lag_s": 20, "times": 4, "method": "GET", "path": path} for path in ("/vps/*", "/vps/*/serviceInfos", "/v2/iam/resource/*")]
    ),
    "lists show what was long ago": Wrong(unknown=True,
        faults=[{"do": "stale", "lag_s": 20, "times": 2, "method": "GET", "path": path} for path in ("/me/order", "/v2/iam/resource", "/vps/*/tasks")]
    ),
    "orders show as they were long ago": Wrong(unknown=True,
        faults=[{"do": "stale", "lag_s": 20, "times": 3, "method": "GET", "path": path} for path in ("/me/order/*/status", "/me/order/*/details")]
    ),
    "a VPS isn't known at times": Wrong(unknown=True,
        faults=[{"do": "error", "status": 404, "nth": 2, "method": "GET", "path": path} for path in ("/vps/*", "/vps/*/serviceInfos", "/v2/iam/resource/*")]
    ),
    "an order isn't known at times": Wrong(unknown=True,
        faults=[{"do": "error", "status": 404, "times": 2, "method": "GET", "path": path} for path in ("/me/order/*/status", "/me/order/*/details")]
    ),
    "a change is said to be of something unknown": Wrong(unknown=True,
        faults=[{"do": "error", "status": 404, "method": one["method"], "path": one["path"]} for one in WRITES[1:]]
    ),
    "no stock": Wrong(faults=[{"do": "no_capacity", **CHECKOUT}], fails=["create fresh"]),
    "an installation ends in an error": Wrong(
        faults=[{"do": "task_error", "times": None, **REBUILD}], fails=["create fresh"], swaps=True
    ),
    "an installation never ends": Wrong(
        faults=[{"do": "boot_never", "times": None, **REBUILD}], fails=["create fresh"], swaps=True
    ),
    "an order is never delivered": Wrong(faults=[{"do": "boot_never", **CHECKOUT}], fails=["create fresh"]),
}  # fmt: skip


class Case:
    """One row: the account while OVH misbehaves in this way."""

    def __init__(self, world: OvhWorld, wrong: Wrong) -> None:
        self.world = world
        self.cloud = world.cloud
        self.wrong = wrong
        self.mngr = cli(world)
        self.well = self.cloud.ask("GET", "/behaviour")

    def tried(self, verb: str, *argv: str, mngr: Cli | None = None, again: Sequence[int] = (0,)) -> Done:
        """The verb while OVH misbehaves; then, if it failed, once more while it doesn't."""
        mngr = mngr or self.mngr
        if self.wrong.behaviour:
            self.cloud.ask("POST", "/behaviour", dict(self.wrong.behaviour))
        once = {"times": 1} if self.wrong.swaps and verb == "create recycling" else {}
        for fault in self.wrong.faults:
            self.cloud.fault(**{**fault, **once})
        done = mngr(*argv, limit_s=LIMIT_S)
        self.cloud.clear()
        self.cloud.ask("POST", "/behaviour", {key: self.well[key] for key in self.wrong.behaviour})
        assert "Traceback" not in done.err, f"{verb}\n{done}"
        if verb in self.wrong.fails:
            assert done.code in (1, 5), f"{verb} can't have ended well\n{done}"
        if done.code:
            said = [line for line in done.err.splitlines() if line.startswith("mngr: ")]
            assert done.code in (1, 4, 5, *([3] if self.wrong.unknown else [])), f"{verb}\n{done}"
            assert len(said) == 1 or argv[0] in ("gc", "list"), f"{verb}: one message\n{done}"
        assert_owned(self.world, listing(self.world))
        if done.code:
            self.world.pass_time(60)
            mngr(*argv, limit_s=LIMIT_S, codes=again)
        return done


@pytest.mark.parametrize("what", TABLE)
def test_every_verb_ends_done_or_says_why(
    account: Callable[..., OvhWorld], what: str, tmp_path: Path
) -> None:
    world = account(rebuild_timeout=6, vps_boot_timeout=8)
    case = Case(world, TABLE[what])
    create = ("create", "one", "--provider", "ovh", "--no-code", "--yes")
    orders = Cli({**world.env, "MNGR__PROVIDERS__OVH__ENABLE_RECYCLE_CANCELLED": "false"}, world.scratch)

    case.tried("create fresh", *create, mngr=orders, again=(0, 4))
    case.tried("list", "list", "--format", "json")
    case.tried("stop", "stop", "one")
    case.tried("start", "start", "one")
    case.tried("ovh list", "ovh", "list", "--all")
    case.tried("verify", "ovh", "verify", "one", "--fingerprint", fingerprint(world, tmp_path))
    case.tried("gc", "gc")
    assert case.mngr.ok("exec", "one", "echo here").out == "here\n"
    case.tried("destroy", "destroy", "one", "--yes", again=(0, 3))

    world.pass_time(3600)
    case.mngr.ok("gc")
    assert world.things() == []
    before = len(world.cloud.bill()["lines"])
    done = case.tried("create recycling", *create, again=(0, 4))
    bought = len(world.cloud.bill()["lines"]) - before
    if case.wrong.swaps:
        assert done.code == 0, f"it didn't fall through\n{done}"
        assert bought <= 1
        assert "another machine is taken" in done.err
    elif done.code == 0:
        assert bought == 0, f"a needless order\n{done}"
    assert case.mngr.ok("exec", "one", "echo here").out == "here\n"
    service = world.cloud.ask("POST", "/seed_vps", {"count": 1, "plan": "vps-2025-model2"})["services"][0]
    adopted(case, service)
    case.mngr("destroy", "one", "--yes", codes=(0,))
    world.cloud.ask("POST", "/orders/release", {"then": "cancel"})  # OVH gives up on what it never delivered
    for _ in range(2):
        world.pass_time(3600)
        case.mngr.ok("gc")
    assert world.things() == []
    assert world.markers() == []
    assert intents(world.home) == {}


def adopted(case: Case, service: str) -> None:
    """Until a person has said that it is mngr's, what was seeded is nobody's: so it isn't looked for."""
    case.mngr.ok("ovh", "adopt", service, "--yes")
    case.tried("adopt", "ovh", "adopt", service, "--yes")
    [row] = [one for one in case.cloud.resources() if one["id"] == service]
    assert (row["tags"], row["renews"]) == (["mngr-provider=ovh"], False)


def fingerprint(world: OvhWorld, folder: Path) -> str:
    """Of the key that the only machine with a host shows: what a person reads on its console."""
    [key] = [
        tags["mngr-host-key"] for tags in (thing.tags for thing in world.things()) if tags.get("mngr-ready")
    ]
    path = folder / "key.pub"
    path.write_text(f"ssh-ed25519 {key}\n")
    shown = subprocess.run(["ssh-keygen", "-lf", str(path)], capture_output=True, text=True, check=True)
    return shown.stdout.split()[1]
