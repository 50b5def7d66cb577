"""What failed chains have left: each thing is told once, by the chain that left it; no later chain is blamed for it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from mngr.testing.world import Thing, World, intents


@dataclass
class Left:
    """`things`: ids; `intents`: subjects; `errors`: rows of `mngr list`."""

    things: set[str] = field(default_factory=set)
    intents: set[str] = field(default_factory=set)
    errors: list[Any] = field(default_factory=list)

    def of(self, world: World) -> list[Thing]:
        """The things of a world but those."""
        return [thing for thing in world.things() if thing.id not in self.things]

    def remember(self, world: World, shown: Mapping[str, Any], others: Collection[str]) -> None:
        """Takes in all that is there and belongs neither to what `mngr list` shows nor to `others`."""
        known = {one["id"] for key in ("hosts", "agents") for one in shown[key]} | set(others)
        self.things |= {thing.id for thing in world.things() if thing.owner not in known}
        self.errors += [row for row in shown["errors"] if row not in self.errors]
        self.intents |= intents(world.home).keys()


NOTHING = Left()
