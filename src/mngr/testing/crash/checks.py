"""What must be true after a crash: nothing billed without an owner, no agent's data gone, one end for all ways there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from mngr.testing.cli import Cli
from mngr.testing.crash.left import NOTHING, Left
from mngr.testing.world import Thing, World, cli, intents, listing

ALIVE = ("running", "waiting")
UNFINISHED = ("building", "failed", "destroyed")


def owners(world: World, shown: Mapping[str, Any]) -> dict[str, str]:
    """Ids that explain a thing → who says so: `mngr list` by host or agent, or this laptop's journal.

    A host that is only being made, or that failed, explains nothing by itself: somebody must be at work on it.
    """
    found = dict.fromkeys(intents(world.home), "an intent")
    found |= {host["id"]: "a listed host" for host in shown["hosts"] if host["state"] not in UNFINISHED}
    found |= {agent["id"]: "a listed agent" for agent in shown["agents"]}
    return found


def snapshots(world: World) -> list[str]:
    """The ids that `mngr snapshot list` shows."""
    done = cli(world)("snapshot", "list", "--format", "json", codes=(0, 5))
    return [one["id"] for one in done.json()["snapshots"] if one["provider"] == world.provider]


def unowned(world: World, shown: Mapping[str, Any], before: Left = NOTHING) -> list[Thing]:
    """Things that no listed host or agent, no intent of this laptop and no valid lease of another explains.

    `shown`: what `mngr list` shows in this world. `before`: what is known already.
    """
    now, known = world.now(), owners(world, shown)
    left = [
        thing
        for thing in before.of(world)
        if thing.owner not in known and not (thing.owner and thing.lease > now)
    ]
    if any(thing.owner.startswith("snap-") for thing in left):
        saved = snapshots(world)
        left = [thing for thing in left if thing.owner not in saved]
    return left


def assert_owned(world: World, shown: Mapping[str, Any], before: Left = NOTHING) -> None:
    """Raises AssertionError naming each thing that is there and billed for nobody."""
    left = unowned(world, shown, before)
    assert not left, "there, billed, and nobody's:\n" + "\n".join(f"  {thing}" for thing in left)


def ending(
    world: World, shown: Mapping[str, Any], name: str, others: set[str], before: Left = NOTHING
) -> dict[str, Any]:
    """Where a command ended, as far as it is the same each time: the agent, its host, how many things there are.

    `others`: ids of hosts and agents that aren't the command's. `before`: what is known already.
    """
    errors = [row for row in shown["errors"] if row not in before.errors]
    assert not errors, f"mngr list has error rows: {errors}"
    return {
        "agents": [
            {
                **{key: agent[key] for key in ("type", "command", "labels")},
                "state": "alive" if agent["state"] in ALIVE else agent["state"],
                "host": agent["host"]["state"],
            }
            for agent in shown["agents"]
            if agent["name"] == name
        ],
        "hosts": [
            (host["state"], len(host["agents"]), _idle(host))
            for host in shown["hosts"]
            if host["name"] == name
        ],
        "things": dict(Counter(_kinds(world, others, before))),
    }


def _idle(host: Mapping[str, Any]) -> tuple[str, float] | None:
    idle = host["idle"]
    return (idle["mode"], idle["timeout_s"]) if idle else None


def _kinds(world: World, others: set[str], before: Left) -> list[str]:
    """Of things that aren't others', nor a snapshot's, of which there may be more after a repetition."""
    mine = [thing for thing in before.of(world) if thing.owner not in others]
    return [thing.kind for thing in mine if not thing.owner.startswith("snap-")]


def ids(world: World) -> set[str]:
    """The hosts and agents that `mngr list` shows now."""
    shown = listing(world)
    return {one["id"] for key in ("hosts", "agents") for one in shown[key]}


def assert_data(mngr: Cli, name: str, text: str) -> None:
    """Raises AssertionError unless the agent's work dir still holds what was written there, and its environment."""
    done = mngr("exec", name, f'cat "marker-$MNGR_AGENT_NAME"; {_PRINT}')
    assert done.out == f"{text}\n{VALUE}", f"agent {name} lost its data or environment\n{done}"


def write_data(mngr: Cli, name: str, text: str) -> None:
    """Leaves a marker in the agent's work dir. Raises AssertionError if the agent lacks its environment."""
    done = mngr.ok("exec", name, f'echo {text} >"marker-$MNGR_AGENT_NAME"; {_PRINT}')
    assert done.out == VALUE, f"agent {name} lacks its environment\n{done}"


_PRINT = 'printf %s "$CRASH_VALUE"'

#: An environment value that agents under test are given; no quoting mistake leaves it as it is.
VALUE = 'it\'s $HOME "quoted" #{x} `y` \\ é'
