"""The crash suite of a provider: every point of every verb, shared out to several tests.

@pytest.mark.parametrize("part", range(4))
def test_crashes(world, part):
    drive_part(world, part, 4)
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Sequence

from mngr.testing.crash import calls
from mngr.testing.crash.checks import snapshots, write_data
from mngr.testing.crash.drive import Clean, Drive, Mending
from mngr.testing.crash.points import Point, chosen, holds, points
from mngr.testing.crash.verbs import Verb, lifecycle
from mngr.testing.world import World, cloud_of

MENDINGS: tuple[Mending, ...] = ("sweep", "again")
#: Where another MNGR_HOME reaches the same hosts, and no lease ends.
MENDINGS_OF_A_DAEMON: tuple[Mending, ...] = ("sweep", "other", "again", "other")
MENDINGS_OF_A_CLOUD: tuple[Mending, ...] = ("sweep", "lost", "again", "other")

#: Of runs whose point wasn't met (waits look again and again), no more than this share, or one: else the driver
#: doesn't drive.
MISSED_SHARE = 0.1


def drive_part(
    world: World,
    part: int = 0,
    parts: int = 1,
    *,
    verbs: Sequence[Verb] = (),
    every: int = 1,
    always: str = "",
) -> None:
    """Drives part number `part` of all points of `verbs` (by default the lifecycle) through a kill and its mending.

    `every`: one point in so many is driven, and all commit edges (`always`: of such calls only, a regular expression);
    with MNGR_CRASH=full all are.
    The nth chain kills each verb at its nth point. How a crash is mended changes from chain to chain.
    Raises AssertionError with the stories of all chains that failed.
    """
    drive = Drive(world)
    verbs = verbs or lifecycle(world)
    drive.begin(verbs[0])
    cleans = drive.clean(verbs)
    if part == 0:
        tell(census(world, cleans))
    chains = plan(cleans, every, always)
    mendings = MENDINGS_OF_A_DAEMON if world.isolated else MENDINGS
    mendings = MENDINGS_OF_A_CLOUD if cloud_of(world) else mendings
    failed = []
    for number in range(part, len(chains), parts):
        try:
            drive.chain(cleans, chains[number], f"k{number}", mendings[number % len(mendings)])
        except AssertionError as error:
            failed.append(str(error))
    _judge(drive, failed)


def hold_part(
    world: World, part: int = 0, parts: int = 1, *, verbs: Sequence[Verb] = (), every: int = 1
) -> None:
    """Holds the first of `verbs` (create) before each of its calls while another computer sweeps the same account.

    Raises AssertionError with the stories of all runs that failed.
    """
    drive = Drive(world)
    verbs = verbs or lifecycle(world)
    drive.begin(verbs[0])
    clean = drive.clean([verbs[0], verbs[-1]])[0]
    found = chosen(holds(clean.calls), every)
    failed = []
    for number in range(part, len(found), parts):
        try:
            drive.held(clean, found[number], f"h{number}")
            drive.mngr("destroy", f"h{number}", "--yes", codes=(0,))
        except AssertionError as error:
            failed.append(str(error))
    _judge(drive, failed)


def snapshot_part(world: World, part: int = 0, parts: int = 1, *, every: int = 1) -> None:
    """Kills `snapshot create` at each of its points, all on one host, whose agent has to live through it.

    Raises AssertionError with the stories of all runs that failed.
    """
    drive = Drive(world)
    verbs = lifecycle(world)
    save = Verb("snapshot", ("snapshot", "create", "NAME", "--name", "saved"), alive=True)
    drive.begin(verbs[0])
    drive.clean([verbs[0]], "saved")
    clean = drive.clean([save], "saved")[0]
    found, failed = chosen(clean.points, every), []
    for number in range(part, len(found), parts):
        try:
            drive.again(clean, found[number], "saved", MENDINGS[number % 2])
            _drop_snapshots(drive, least=1)
        except AssertionError as error:
            drive.forgive()
            failed.append(str(error))
    _judge(drive, failed)


def rename_part(world: World, part: int = 0, parts: int = 1, *, every: int = 1, always: str = "") -> None:
    """Kills `rename` at each of its points: given again, there is one agent of the new name, and it runs on.

    `every`, `always`: as of drive_part. Raises AssertionError with the stories of all runs that failed.
    """
    drive = Drive(world)
    create = lifecycle(world)[0]
    drive.begin(create)
    drive.clean([create], "named")
    run = calls.record(drive.mngr, cloud_of(world), ("rename", "named", "other"))
    assert run.done.code == 0, run.done
    write_data(drive.mngr, "other", "named")
    was, new, failed = "other", "named", []
    found = chosen(points(run.calls), every, always)
    for number in range(part, len(found), parts):
        try:
            drive.rename(found[number], was, new)
        except AssertionError as error:
            failed.append(str(error))
        was, new = new, was
    _judge(drive, failed)


def _drop_snapshots(drive: Drive, *, least: int) -> None:
    """A killed and repeated `snapshot create` makes one or two; all can be removed, and then nothing is left."""
    saved = snapshots(drive.world)
    assert least <= len(saved) <= 3, f"snapshots: {saved}"
    for id in saved:
        drive.mngr("snapshot", "destroy", id, "--yes", codes=(0,))
    left = [thing for thing in drive.left.of(drive.world) if thing.owner.startswith("snap-")]
    assert not left, f"removed snapshots left {left}"


def gc_part(
    world: World, part: int = 0, parts: int = 1, *, elsewhere: bool, every: int = 1, made_by: str = "", always: str = "",
) -> None:  # fmt: skip
    """Kills the sweep that releases a half-made host, at each of its points.

    `elsewhere`: another computer sweeps, which has no journal of it. `made_by`: words of the call of create after which
    there is something to release; by default its first paid call. `every`, `always`: as of drive_part. Raises
    AssertionError with all stories.
    """
    drive = Drive(world)
    verbs = lifecycle(world)
    drive.begin(verbs[0])
    create = drive.clean([verbs[0], verbs[-1]])[0]
    after = [point for point in create.points if point.how == "after"]
    made = next(point for point in after if (made_by in point.call if made_by else point.edge))
    recorded = drive.sweep_killed(create, made, None, "swept", elsewhere=elsewhere)
    found, failed = chosen(points(recorded.calls), every, always), []
    for number in range(part, len(found), parts):
        try:
            drive.sweep_killed(create, made, found[number], f"g{number}", elsewhere=elsewhere)
        except AssertionError as error:
            failed.append(str(error))
    _judge(drive, failed)


def tell(text: str) -> None:
    """Says something of a run: on standard error, and to the file MNGR_CRASH_REPORT, as pytest shows a failure's only."""
    print(text, file=sys.stderr)
    if report := os.environ.get("MNGR_CRASH_REPORT"):
        with open(report, "a") as file:
            file.write(text + "\n")


def _judge(drive: Drive, failed: Sequence[str]) -> None:
    tried = drive.reached + drive.missed
    tell(
        f"{drive.world.provider}: {drive.reached} kills, {drive.missed} not met, {len(failed)} chains left or lost something"
    )
    assert not failed, f"{len(failed)} chains failed\n\n" + "\n\n".join(failed)
    assert drive.missed <= max(1, MISSED_SHARE * tried), f"{drive.missed} of {tried} points weren't met"


def plan(cleans: Sequence[Clean], every: int = 1, always: str = "") -> list[list[Point | None]]:
    """Chains of one point a verb: as many chains as the verb with the most points has."""
    lists = [chosen(clean.points, every, always) for clean in cleans]
    longest = max(len(found) for found in lists)
    return [[found[i] if i < len(found) else None for found in lists] for i in range(longest)]


def census(world: World, cleans: Sequence[Clean]) -> str:
    """How many outside calls and points each verb has (all, sampled or not), on a line each."""
    rows = [f"crash points of {world.provider}:"]
    for clean in cleans:
        sorts = Counter("http" if call.sort == "http" else call.argv[0] for call in clean.calls)
        kinds = ", ".join(f"{n} {sort}" for sort, n in sorted(sorts.items()))
        rows.append(
            f"  {clean.verb.name:10} {len(clean.calls):3} calls ({kinds}), {len(clean.points):3} points"
        )
    return "\n".join(rows)
