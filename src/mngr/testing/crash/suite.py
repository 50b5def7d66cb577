"""The crash suite of a provider: every point of every verb, shared out to several tests.

@pytest.mark.parametrize("part", range(4))
def test_crashes(world, part):
    drive_part(world, part, 4)
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence

from mngr.testing.crash.drive import Clean, Drive
from mngr.testing.crash.points import Point, chosen
from mngr.testing.crash.verbs import Verb, lifecycle
from mngr.testing.world import World

#: Of runs whose point wasn't met, no more than this share: else the driver doesn't drive.
MISSED_SHARE = 0.1


def drive_part(
    world: World, part: int = 0, parts: int = 1, *, verbs: Sequence[Verb] = (), every: int | None = None
) -> None:
    """Drives part number `part` of all points of `verbs` (by default the lifecycle) through a kill and its mending.

    The nth chain kills each verb at its nth point, so verbs with few points run undisturbed in later chains.
    Raises AssertionError with the stories of all chains that failed.
    """
    drive = Drive(world)
    verbs = verbs or lifecycle(world)
    drive.begin(verbs[0])
    cleans = drive.clean(verbs)
    if part == 0:
        print(census(world, cleans), file=sys.stderr)
    chains = plan(cleans, every)
    failed = []
    for number in range(part, len(chains), parts):
        try:
            drive.chain(cleans, chains[number], f"k{number}", sweep_first=number % 2 == 0)
        except AssertionError as error:
            failed.append(str(error))
    assert not failed, f"{len(failed)} of {len(chains)} chains failed\n\n" + "\n\n".join(failed)
    assert drive.missed <= MISSED_SHARE * (drive.reached + drive.missed), f"{drive.missed} points weren't met"


def plan(cleans: Sequence[Clean], every: int | None = None) -> list[list[Point | None]]:
    """Chains of one point a verb: as many chains as the verb with the most points has."""
    lists = [chosen(clean.points, every) for clean in cleans]
    longest = max(len(found) for found in lists)
    return [[found[i] if i < len(found) else None for found in lists] for i in range(longest)]


def census(world: World, cleans: Sequence[Clean]) -> str:
    """How many outside calls and points each verb has, on a line each."""
    rows = [f"crash points of {world.provider}:"]
    for clean in cleans:
        sorts = Counter("http" if call.sort == "http" else call.argv[0] for call in clean.calls)
        kinds = ", ".join(f"{n} {sort}" for sort, n in sorted(sorts.items()))
        rows.append(
            f"  {clean.verb.name:10} {len(clean.calls):3} calls ({kinds}), {len(clean.points):3} points"
        )
    return "\n".join(rows)
