"""Each way in which Azure misbehaves × each verb, through the command line: it ends done, or with one message that says what to do
next, and its exit code, in time; nothing in the group is without an owner at once, and nothing is left once all was mended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from mngr.testing.azure import HASTY, AzureWorld
from mngr.testing.cli import Done
from mngr.testing.cloud import SimulatedCloud
from mngr.testing.crash.checks import UNFINISHED, assert_owned
from mngr.testing.fakes import Fakes
from mngr.testing.fixtures import fakes
from mngr.testing.world import cli, intents, listing

__all__ = ["fakes"]

LIMIT_S = 90.0
EACH_METHOD = ("GET", "PUT", "POST", "PATCH", "DELETE")
VM = {"method": "PUT", "path": "**/virtualMachines/*"}
START = {"method": "POST", "path": "**/start"}
DEALLOCATE = {"method": "POST", "path": "**/deallocate"}
ROLE = {"method": "PUT", "path": "**/roleAssignments/*"}
LISTS = ("virtualMachines", "publicIPAddresses", "disks")


def no(code: str, status: int, **more: Any) -> dict[str, Any]:
    """An answer that refuses, in Azure's form."""
    return {
        "do": "error",
        "status": status,
        "body": {"error": {"code": code, "message": f"{code}, as was ordered."}},
        **more,
    }


def late(kind: str, method: str = "PUT", how: str = "", **more: Any) -> dict[str, Any]:
    return {
        "do": "late_failure",
        "method": method,
        "path": f"**/{kind}/*",
        **({"how": how} if how else {}),
        **more,
    }


@dataclass(frozen=True)
class Wrong:
    """`asks`: of the control port, before each verb. `fails`: verbs that can't end well. `says`: words of their messages. `unknown`:
    Azure says that it doesn't have what is asked for, so that a verb may say so, too."""

    behaviour: Mapping[str, Any] = field(default_factory=dict)
    faults: Sequence[Mapping[str, Any]] = ()
    asks: Sequence[tuple[str, Mapping[str, Any]]] = ()
    fails: Sequence[str] = ()
    says: str = ""
    unknown: bool = False


TABLE = {
    "everything takes its time": Wrong(
        behaviour={
            "network_s": 0.7, "disk_s": 0.7, "create_vm_s": 2, "start_s": 1, "stop_s": 1, "delete_vm_s": 1.5,
            "delete_group_s": 2, "poll_s": 0.1,
        }
    ),
    "lists show what was long ago": Wrong(unknown=True,
        faults=[{"do": "stale", "lag_s": 20, "times": 3, "method": "GET", "path": f"**/{kind}"} for kind in LISTS]
    ),
    "things show as they were long ago": Wrong(unknown=True,
        faults=[{"do": "stale", "lag_s": 20, "times": 2, "method": "GET", "path": f"**/{kind}/*"} for kind in LISTS]
    ),
    "a call of each kind fails": Wrong(
        faults=[{"do": "error", "status": 503, "method": method, "nth": 2} for method in EACH_METHOD]
    ),
    "a call of each kind is throttled": Wrong(
        faults=[{"do": "throttle", "method": method, "retry_after_s": 1, "times": 2} for method in EACH_METHOD]
    ),
    "each first write's answer is lost": Wrong(
        faults=[{"do": "lose_answer", "method": method} for method in EACH_METHOD[1:]]
    ),
    "each second write's answer is lost": Wrong(
        faults=[{"do": "lose_answer", "method": method, "nth": 2} for method in EACH_METHOD[1:]]
    ),
    "answers that aren't JSON": Wrong(
        faults=[
            {"do": "error", "status": 502, "body": "<html>Bad gateway</html>", "method": method, "nth": 3}
            for method in EACH_METHOD
        ]
    ),
    "tokens are expired before their time": Wrong(asks=[("/tokens/expire", {})]),
    "a token expires in the middle": Wrong(
        faults=[no("ExpiredAuthenticationToken", 401, method=method) for method in EACH_METHOD]
    ),
    "a right isn't there yet": Wrong(
        faults=[no("AuthorizationFailed", 403, method=method) for method in ("PUT", "POST", "PATCH", "DELETE")],
        fails=["prepare", "create", "stop", "start", "cleanup"], says="AuthorizationFailed",
    ),
    "another operation is under way": Wrong(
        faults=[no("Conflict", 409, method=method) for method in ("PUT", "POST", "PATCH", "DELETE")]
    ),
    "no capacity for the size": Wrong(
        faults=[{"do": "sku_not_available", **VM}], fails=["create"], says="SkuNotAvailable"
    ),
    "beyond the quota": Wrong(faults=[{"do": "quota", **VM}], fails=["create"], says="quota"),
    "a NIC is kept for its VM": Wrong(
        behaviour={"nic_reserved_s": 3}, faults=[{"do": "sku_not_available", **VM}], fails=["create"]
    ),
    "VMs fail late": Wrong(
        faults=[
            late("virtualMachines"), {"do": "late_failure", **START},
            {"do": "late_failure", "how": "OperationPreempted", **DEALLOCATE}, late("virtualMachines", "DELETE"),
        ], fails=["create", "start", "stop"],
    ),
    "networks, addresses and interfaces fail late": Wrong(
        faults=[late(kind) for kind in ("networkSecurityGroups", "virtualNetworks", "publicIPAddresses")]
        + [late("networkInterfaces", nth=2), late("networkInterfaces", "DELETE")],
        fails=["prepare", "create"],
    ),
    "a VM never comes up": Wrong(
        behaviour={"provision_limit_s": 2}, faults=[{"do": "boot_never", **VM}], fails=["create"],
        says="OSProvisioningTimedOut",
    ),
    "an identity isn't known yet": Wrong(behaviour={"principal_s": 3}),
    "a role that can't be given": Wrong(faults=[no("AuthorizationFailed", 403, times=None, **ROLE)]),
    "a disabled subscription": Wrong(
        behaviour={"subscription_state": "Disabled"}, says="ReadOnlyDisabledSubscription",
        fails=["prepare", "create", "stop", "start", "destroy", "cleanup"],
    ),
}  # fmt: skip


class Case:
    """One row: the subscription while Azure misbehaves in this way."""

    def __init__(self, world: AzureWorld, wrong: Wrong) -> None:
        self.world = world
        self.cloud = world.cloud
        self.wrong = wrong
        self.mngr = cli(world)
        self.well = self.cloud.ask("GET", "/behaviour")
        self.hosts: set[str] = set()

    def tried(self, *argv: str, again: Sequence[int] = (0,)) -> Done:
        """The verb while Azure misbehaves; then, if it failed, once more while it doesn't."""
        verb = argv[argv[0] == "azure"]
        self.cloud.ask("POST", "/behaviour", dict(self.wrong.behaviour))
        for path, body in self.wrong.asks:
            self.cloud.ask("POST", path, dict(body))
        for fault in self.wrong.faults:
            self.cloud.fault(**fault)
        done = self.mngr(*argv, limit_s=LIMIT_S)
        self.cloud.clear()
        self.cloud.ask("POST", "/behaviour", {key: self.well[key] for key in self.wrong.behaviour})
        assert "Traceback" not in done.err, f"{verb}\n{done}"
        if verb in self.wrong.fails:
            assert done.code in (1, 5), f"{verb} can't have ended well\n{done}"
            assert self.wrong.says in done.err, f"{verb} doesn't say why\n{done}"
        if done.code:
            said = [line for line in done.err.splitlines() if line.startswith("mngr: ")]
            assert done.code in (1, 4, 5, *([3] if self.wrong.unknown else [])), f"{verb}\n{done}"
            if verb not in ("gc", "list"):
                assert len(said) == 1, f"{verb}: one message\n{done}"
                assert "\n  → " in done.err, f"{verb}: no next step\n{done}"
            if verb == "stop" and done.code in (1, 5):
                assert "Azure bills its machine on until" in done.err, done
        self.assert_owned(verb)
        if done.code:
            self.world.pass_time(60)
            self.mngr(*argv, limit_s=LIMIT_S, codes=again)
            self.assert_owned(verb)
        return done

    def assert_owned(self, verb: str) -> None:
        """Everything in the group has an owner; a host that `mngr list` showed is still there until it is destroyed."""
        owners = {thing.owner for thing in self.world.things()} - intents(self.world.home).keys()
        if owners - self.hosts or verb == "destroy":
            shown = listing(self.world)
            assert_owned(self.world, shown)
            self.hosts = {host["id"] for host in shown["hosts"] if host["state"] not in UNFINISHED}


@pytest.fixture
def world(tmp_path: Path, fakes: Fakes):
    cloud = SimulatedCloud(
        "azure", *HASTY, "--machines", "fake", "--machines-cmd", str(fakes.command), env=fakes.env
    )
    yield AzureWorld(cloud, tmp_path, fakes)
    cloud.stop()


@pytest.mark.parametrize("what", TABLE)
def test_every_verb_ends_done_or_says_why(world: AzureWorld, what: str) -> None:
    cli(world).ok("azure", "cleanup", "--yes")
    before = {one["id"] for one in world.cloud.resources()}
    case = Case(world, TABLE[what])
    case.tried("azure", "prepare", "--allowed-ssh-cidr", "203.0.113.4/32")
    case.tried("create", "one", "--provider", "azure", "--no-code", "--no-connect", again=(0, 4))
    case.tried("list", "--format", "json")
    case.tried("stop", "one")
    case.tried("start", "one")
    case.tried("gc")
    assert case.mngr.ok("exec", "one", "echo here").out == "here\n"
    case.tried("destroy", "one", "--yes", again=(0, 3))
    world.pass_time(3600)
    case.mngr.ok("gc")
    assert world.things() == []
    assert intents(world.home) == {}
    case.tried("azure", "cleanup", "--yes")
    assert {one["id"] for one in world.cloud.resources()} == before
