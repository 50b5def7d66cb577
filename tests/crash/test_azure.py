"""`azure` on fake machines: mngr dies between every two outside calls, at every lost answer; other computers sweep."""

from __future__ import annotations

import itertools
import os
from typing import Any

import pytest

from mngr.backends.azure import bodies
from mngr.backends.azure.config import AzureConfig
from mngr.backends.azure.group import Group
from mngr.testing.azure import AzureWorld
from mngr.testing.crash import calls, drive_part, gc_part, hold_part, rename_part
from mngr.testing.crash.checks import unowned
from mngr.testing.crash.points import Point, chosen, points
from mngr.testing.crash.suite import tell
from mngr.testing.world import cli, intents, listing
from mngr.vps_docker.vps_client import MachineSpec
from support.azure import KEY, Arm

pytestmark = pytest.mark.crash

#: Calls that cost, or end what costs: both edges of each are driven always.
COSTLY = r"(PUT|DELETE) \S*/(virtualMachines|publicIPAddresses)/[^/]*$|POST \S*/(start|deallocate)$"
#: A few points are driven in one world; all of them, in several.
PARTS = 8 if os.environ.get("MNGR_CRASH") == "full" else 2


@pytest.mark.parametrize("part", range(PARTS))
def test_a_killed_command_ends_where_a_clean_one_does(azure, part):
    drive_part(azure, part, PARTS, every=17, always=COSTLY)


def test_a_create_goes_on_while_another_computer_sweeps(azure):
    hold_part(azure, every=10)


@pytest.mark.parametrize(
    ("elsewhere", "made_by"),
    [(False, "/virtualMachines/"), (True, "/publicIPAddresses/")],
    ids=["here, of a machine", "elsewhere, of an address"],
)
def test_a_killed_sweep_is_finished_by_the_next(azure, elsewhere, made_by):
    gc_part(azure, elsewhere=elsewhere, made_by=made_by, every=9, always=f"DELETE .*{made_by}[^/]*$")


def test_a_killed_rename_given_again_has_one_agent_of_the_new_name(azure):
    rename_part(azure, every=6, always=COSTLY)


def test_what_is_in_the_group_and_nobodys_is_seen_billed_or_not(azure):
    arm = Arm(azure.cloud)
    group = Group(subscription=arm.sub, config=AzureConfig(), region="westus")
    spec = MachineSpec(
        host_id="", name="box", plan="Standard_B2s", region="westus", image=group.config.boot_image, public_key=KEY
    )  # fmt: skip
    arm.done("PUT", group.whole(group.address("box")), bodies.address(spec))
    arm.done("PUT", group.whole(group.nic("box")), bodies.interface(group, spec))
    made = arm.done("PUT", group.whole(group.vm("box")), bodies.vm(group, group.config, spec, ""))
    azure.pass_time(60)
    role = {
        "roleDefinitionId": group.whole(group.role),
        "principalId": made["identity"]["principalId"],
        "principalType": "ServicePrincipal",
    }
    arm("PUT", group.whole(group.assignment("box")), {"properties": role}, expect=201)
    kinds = {"virtualMachines", "disks", "networkInterfaces", "publicIPAddresses", "roleAssignments"}
    assert {thing.kind for thing in unowned(azure, listing(azure))} == kinds
    arm.done("POST", f"{group.whole(group.vm('box'))}/deallocate")
    assert {thing.kind for thing in unowned(azure, listing(azure))} >= {"virtualMachines, not billed"}


# --- prepare and cleanup ----------------------------------------------------------------------------------------------

NAMESPACES = ("Microsoft.Compute", "Microsoft.Network", "Microsoft.Storage")
PREPARE = ("azure", "prepare", "--allowed-ssh-cidr", "203.0.113.4/32")
CLEANUP = ("azure", "cleanup", "--yes")
#: Nothing of it is paid for: after each write that makes or takes away a thing.
WRITTEN = r"(PUT|DELETE) "


class Subscription:
    """What is in it, without what is another one each time: ids, etags, times."""

    def __init__(self, world: AzureWorld) -> None:
        self.world = world
        self.mngr = cli(world)
        self.arm = Arm(world.cloud)
        self.before = {one["id"] for one in world.cloud.resources()}

    def unregister(self) -> None:
        for name in NAMESPACES:
            self.arm("POST", f"/subscriptions/{self.arm.sub}/providers/{name}/unregister", {}, expect=200)

    def holds(self) -> dict[str, Any]:
        new = [one for one in self.world.cloud.resources() if one["id"] not in self.before]
        return {one["name"]: (one["kind"], sorted(one["tags"]), self._inside(one["id"])) for one in new}

    def _inside(self, id: str) -> Any:
        said = self.arm("GET", id, expect=200).body["properties"]
        return [_without_ids(said.get(key)) for key in ("securityRules", "subnets", "permissions")]

    def killed(self, argv: tuple[str, ...], point: Point) -> bool:
        return calls.run(self.mngr, self.world.cloud, argv, point).reached


def _without_ids(said: Any) -> Any:
    if isinstance(said, list):
        return [_without_ids(one) for one in said]
    if isinstance(said, dict):
        return {key: _without_ids(one) for key, one in said.items() if key not in ("id", "etag")}
    return said


@pytest.fixture
def empty(azure):
    """A subscription in which nothing was prepared."""
    cli(azure).ok(*CLEANUP)
    return Subscription(azure)


def test_a_killed_prepare_or_cleanup_given_again_ends_where_a_clean_one_does(empty):
    empty.unregister()
    made = calls.record(empty.mngr, empty.world.cloud, PREPARE)
    assert made.done.code == 0, made.done
    prepared = empty.holds()
    assert {kind for kind, *_ in prepared.values()} == {
        "group", "networkSecurityGroups", "virtualNetworks", "roleDefinitions",
    }  # fmt: skip
    taken = calls.record(empty.mngr, empty.world.cloud, CLEANUP)
    assert taken.done.code == 0, taken.done
    assert empty.holds() == {}
    pairs = list(itertools.zip_longest(*(chosen(points(run.calls), 6, WRITTEN) for run in (made, taken))))
    kills, missed = 0, 0
    for number, (first, second) in enumerate(pairs):
        if first:
            if "/register" in first.call:
                empty.unregister()
            reached = empty.killed(PREPARE, first)
            kills, missed = kills + reached, missed + (not reached)
        if not first or second or number % 2:
            done = empty.mngr.ok(*PREPARE)
            assert empty.holds() == prepared, f"{first}\n{done}"
        if second:
            reached = empty.killed(CLEANUP, second)
            kills, missed = kills + reached, missed + (not reached)
        done = empty.mngr.ok(*CLEANUP)  # also of what a killed prepare made
        assert empty.holds() == {}, f"{first}, {second}\n{done}"
    tell(f"azure prepare, cleanup: {kills} kills, {missed} not met, nothing left")
    assert missed <= 1


# --- bake -------------------------------------------------------------------------------------------------------------

BAKE = ("azure", "bake", "--yes")
#: What makes or ends a thing that is billed, and what can't be taken back.
BAKED = r"PUT \S*/(virtualMachines|versions)/[^/]*$|DELETE \S*/virtualMachines/[^/]*$|POST \S*/generalize$"


def test_a_killed_bake_given_again_or_swept_leaves_its_image_only(azure):
    mngr, arm = cli(azure), Arm(azure.cloud)

    def start_anew():
        azure.cloud.settle()
        for image in azure.cloud.resources("versions"):
            arm.done("DELETE", image["id"])

    mngr.ok(*BAKE)
    start_anew()
    clean = calls.record(mngr, azure.cloud, BAKE)
    assert clean.done.code == 0, clean.done
    kills, missed = 0, 0
    for number, point in enumerate(chosen(points(clean.calls), 40, BAKED)):
        start_anew()
        reached = calls.run(mngr, azure.cloud, BAKE, point).reached
        kills, missed = kills + reached, missed + (not reached)
        told = f"{number}: killed {point}"
        if number % 4 < 2:  # given again
            done = mngr.ok(*BAKE)
            assert len(azure.cloud.resources("versions")) == 1, f"{told}\n{done}"
        elif number % 4 == 2:  # swept here
            done = mngr.ok("gc")
        else:  # swept by another computer, once nobody can be at work any more
            azure.pass_time(86400)
            done = cli(azure.other_home()).ok("gc")
            assert azure.things() == [], f"{told}\n{done}"
            mngr.ok("gc")
        assert azure.things() == [], f"{told}\n{done}"
        assert unowned(azure, listing(azure)) == [], f"{told}\n{done}"
        assert intents(azure.home) == {}, f"{told}\n{done}"
    tell(f"azure bake: {len(clean.calls)} calls, {kills} kills, {missed} not met, nothing left but the image")
    assert missed <= 1
