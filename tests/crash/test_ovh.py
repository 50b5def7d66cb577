"""`ovh` on fake machines: mngr dies between every two outside calls of creates that order and that recycle, of stop,
start, destroy, gc and adopt. Each VPS on the bill must be explained all the time, and no order be needless."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from mngr.testing.crash import calls
from mngr.testing.crash.checks import assert_owned
from mngr.testing.crash.drive import Drive
from mngr.testing.crash.points import Point, holds, points
from mngr.testing.crash.suite import MENDINGS_OF_A_CLOUD, MISSED_SHARE, census, tell
from mngr.testing.crash.verbs import lifecycle
from mngr.testing.ovh import OvhWorld
from mngr.testing.world import cli, intents, listing

pytestmark = pytest.mark.crash

MUTANTS = Path(__file__).with_name("mutants")

orders_only = pytest.mark.parametrize("ovh", ["orders"], indirect=True)
recycles_only = pytest.mark.parametrize("ovh", ["recycles"], indirect=True)

#: Calls that cost, or end what costs, or wipe: each point of theirs is driven always.
COSTLY = re.compile(r"POST \S*/(checkout|rebuild)|PUT \S*/serviceInfos")


#: A few points are driven in one world; all of them, in several.
PARTS = 6 if os.environ.get("MNGR_CRASH") == "full" else 1


def sampled(found: Sequence[Point], every: int) -> list[Point]:
    """All points about costly calls, and one in `every` of the others; with MNGR_CRASH=full all. The same each time."""
    if os.environ.get("MNGR_CRASH") == "full":
        return list(found)
    costly = [one for one in found if one.edge and COSTLY.search(one.call)]
    others = [one for one in found if one not in costly]
    return sorted([*costly, *others[::every]], key=found.index)


def settled(drive: Drive, lines: int | None = None) -> None:
    """Nothing is in doubt any more: no marker, no intent, each VPS explained; `lines`: so many were ever bought."""
    world = drive.world
    assert isinstance(world, OvhWorld)
    drive.sweep(world)
    assert world.markers() == []
    assert intents(world.home) == {}
    assert_owned(world, listing(world))
    bill = world.cloud.bill()["lines"]
    assert lines is None or len(bill) == lines, f"a needless order: {[line['resource'] for line in bill]}"
    tell(f"ovh: {drive.reached} kills, {drive.missed} not met, nothing left or lost")
    assert drive.missed <= MISSED_SHARE * (drive.reached + drive.missed), f"{drive.missed} points weren't met"


def judge(failed: Sequence[str]) -> None:
    assert not failed, f"{len(failed)} failed\n\n" + "\n\n".join(failed)


def begun(world: OvhWorld) -> Drive:
    """With the bystander there; where creates recycle, with a VPS that waits for it."""
    drive = Drive(world)
    create, *_, destroy = lifecycle(world)
    drive.begin(create)
    drive.mngr.ok(*create.argv("before"))
    drive.mngr.ok(*destroy.argv("before"))
    return drive


@pytest.mark.parametrize("part", range(PARTS))
def test_a_killed_command_ends_where_a_clean_one_does(ovh, request, part):
    drive = begun(ovh)
    cleans = drive.clean(lifecycle(ovh))
    recycles = not any("/checkout" in str(call) for call in cleans[0].calls)
    assert recycles == (request.node.callspec.params["ovh"] == "recycles")
    if part == 0:
        tell(census(ovh, cleans))
    lists = [sampled(clean.points, 13 if clean.verb.name == "create" else 6) for clean in cleans]
    chains = [[found[i] if i < len(found) else None for found in lists] for i in range(max(map(len, lists)))]
    failed = []
    for number, chain in list(enumerate(chains))[part::PARTS]:
        try:
            drive.chain(cleans, chain, f"k{number}", MENDINGS_OF_A_CLOUD[number % len(MENDINGS_OF_A_CLOUD)])
        except AssertionError as error:
            failed.append(str(error))
    judge(failed)
    settled(drive, 2 if recycles else None)


@pytest.mark.parametrize("part", range(PARTS))
def test_a_create_goes_on_while_another_computer_sweeps(ovh, part):
    drive = begun(ovh)
    create, *_, destroy = lifecycle(ovh)
    clean = drive.clean([create, destroy])[0]
    failed = []
    for number, point in list(enumerate(sampled(holds(clean.calls), 17)))[part::PARTS]:
        try:
            drive.held(clean, point, f"h{number}")
            drive.mngr(*destroy.argv(f"h{number}"), codes=(0,))
        except AssertionError as error:
            failed.append(str(error))
    judge(failed)
    settled(drive)


@orders_only
@pytest.mark.parametrize(
    ("call", "how", "elsewhere"),
    [("/checkout", "after", False), ("/rebuild", "after", True)],
    ids=["killed at its order, here", "killed while it is installed, elsewhere"],
)
def test_a_killed_sweep_is_finished_by_the_next(ovh, call, how, elsewhere):
    drive = begun(ovh)
    create, *_, destroy = lifecycle(ovh)
    clean = drive.clean([create, destroy])[0]
    at = next(one for one in clean.points if call in one.call and one.how == how)
    recorded = drive.sweep_killed(clean, at, None, "swept", elsewhere=elsewhere)
    failed = []
    for number, point in enumerate(sampled(points(recorded.calls), 5)):
        try:
            drive.sweep_killed(clean, at, point, f"g{number}", elsewhere=elsewhere)
        except AssertionError as error:
            failed.append(str(error))
    judge(failed)
    settled(drive)


@orders_only
def test_the_driver_finds_an_order_that_was_noted_too_late(ovh, fakes):
    """The suite can be trusted: without marker and handle before the checkout, a kill right after it loses a VPS."""
    drive = Drive(ovh)
    create, *_, destroy = lifecycle(ovh)
    drive.begin(create)
    clean = drive.clean([create, destroy])
    point = next(one for one in clean[0].points if "/checkout" in one.call and one.how == "after")
    noted = 'parts.markers.write(marker)\n    save({CART: cart, ORDER: ""})\n'
    settings = {
        **ovh.settings,
        "PYTHONPATH": os.pathsep.join(filter(None, [str(MUTANTS), ovh.env.get("PYTHONPATH", "")])),
        "MNGR_MUTANT": f"mngr.backends.ovh.buying.order:{noted}=>pass\n",
    }
    broken = Drive(OvhWorld(ovh.cloud, ovh.scratch, fakes, settings=settings))
    broken._others = drive._others

    def driven() -> None:
        broken.chain(clean, [point, None], "broken", "sweep")
        settled(broken)  # its VPS may come later than the chain's own check

    with pytest.raises(AssertionError, match="nobody's"):
        driven()


@recycles_only
def test_a_killed_adoption_is_finished_by_giving_it_again(ovh):
    mngr, cloud = cli(ovh), ovh.cloud
    create, *_, destroy = lifecycle(ovh)

    def found() -> str:
        return cloud.ask("POST", "/seed_vps", {"count": 1})["services"][0]

    def state(service: str) -> tuple[list[str], bool]:
        row = next(one for one in cloud.resources() if one["id"] == service)
        return sorted(row["tags"]), row["renews"]

    service = found()
    recorded = calls.record(mngr, cloud, ("ovh", "adopt", service, "--yes"))
    assert recorded.done.code == 0
    assert state(service) == (["mngr-provider=ovh"], False)
    killed = sampled(points(recorded.calls), 3)
    for point in killed:
        service = found()
        assert (
            calls.run(mngr, cloud, ("ovh", "adopt", service, "--yes"), point).reached or point.how == "lose"
        )
        mngr.ok("ovh", "adopt", service, "--yes")
        assert state(service) == (["mngr-provider=ovh"], False), point
    bought = len(cloud.bill()["lines"])
    mngr.ok(*create.argv("one"))
    mngr.ok(*destroy.argv("one"))
    assert len(cloud.bill()["lines"]) == bought == 1 + len(killed)
