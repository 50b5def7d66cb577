"""Names on the command line: several at once, `-` for standard input; each host worked on by itself."""

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

import click

from mngr.model.background import each
from mngr.model.errors import MngrError

if TYPE_CHECKING:
    from mngr.cli.progress import Progress
    from mngr.ops.context import Mngr, Phases
    from mngr.ops.names import Group

T = TypeVar("T")

#: So many hosts are worked on at once: nearly all of it is waiting, for clouds and machines.
MOST = 24

#: The names that a verb is given.
names_argument = click.argument("names", nargs=-1, required=True, metavar="NAME…")


def read_names(names: Sequence[str]) -> list[str]:
    """The names, with `-` replaced by the words on standard input."""
    found: list[str] = []
    for name in names:
        found += sys.stdin.read().split() if name == "-" else [name]
    return found


def find_groups(mngr: "Mngr", names: Sequence[str], quiet: bool = False) -> list["Group"]:
    """What the names stand for, by host. `quiet`: without saying that it waits."""
    from mngr.cli.progress import waiting
    from mngr.ops.names import groups, resolve

    wanted = read_names(names)
    with waiting("look", quiet):
        return groups(resolve(mngr, wanted)) if wanted else []


def several(names: Sequence[str]) -> str:
    """Some names, short enough for a line of progress."""
    return " ".join(names) if len(names) < 4 else f"{len(names)} names"


def for_each(
    mngr: "Mngr", found: Sequence["Group"], progress: "Progress", work: Callable[["Group", "Phases"], T]
) -> tuple[list[T], int]:
    """Runs `work` on each group, several at a time. Errors are shown; returns results and the exit code."""
    from mngr.cli.main import show
    from mngr.ops.context import Phases

    def one(group: "Group") -> T | MngrError:
        names = [agent.record.name for agent in group.agents] or [f"@{group.host.record.name}"]
        with progress.part(several(names)) as told:
            try:
                return work(group, Phases(mngr.clock, told))
            except MngrError as error:
                return error

    outcomes = each(one, found, MOST)
    errors = [one for one in outcomes if isinstance(one, MngrError)]
    for error in errors:
        show(error)
    return [one for one in outcomes if not isinstance(one, MngrError)], errors[0].exit_code if errors else 0
