"""The lifecycle of an agent as command lines, and what each of them may answer when it is given again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mngr.testing.crash.checks import VALUE
from mngr.testing.world import World


@dataclass(frozen=True)
class Verb:
    """A command about agent NAME. `again`: exit codes when it had been done already, or not yet."""

    name: str
    words: tuple[str, ...]
    again: tuple[int, ...] = (0,)
    alive: bool = False
    """Whether the agent runs afterwards."""
    keeps: bool = True
    """Whether the agent is still there afterwards, however often the verb was killed."""

    def argv(self, name: str) -> list[str]:
        return [name if word == "NAME" else word for word in self.words]


def lifecycle(world: World, *more: Sequence[str]) -> list[Verb]:
    """Create, stop, start, destroy. `more`: further arguments for create."""
    extra = [word for words in more for word in words]
    create = (
        "create", "NAME", "--provider", world.provider, "--yes", "--no-connect", "--label", "for=crash",
        "--env", f"CRASH_VALUE={VALUE}", *world.create, *extra, "--", "sh", "-c", "while :; do sleep 60; done",
    )  # fmt: skip
    return [
        Verb("create", create, again=(0, 4), alive=True, keeps=False),
        Verb("stop", ("stop", "NAME")),
        Verb("start", ("start", "NAME"), alive=True),
        Verb("destroy", ("destroy", "NAME", "--yes"), again=(0, 3), keeps=False),
    ]
