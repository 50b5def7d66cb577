"""Law 1, seen from outside: what stands in the journal at every call to the cloud, while the call is held."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mngr.testing.cli import Cli, Done, finish
from mngr.testing.world import CloudControl

LIMIT_S = 120.0


@dataclass(frozen=True)
class Look:
    """The journal at the moment when the cloud had a call and had done nothing yet."""

    method: str
    path: str
    journal: str


def looks(mngr: Cli, cloud: CloudControl, home: Path, argv: Sequence[str]) -> tuple[list[Look], Done]:
    """Runs mngr, holding each call to the cloud for a look at the journal; how it ended."""
    gate = cloud.gate("before_commit", times=None)
    try:
        process = mngr.start(*argv)
        found: list[Look] = []
        end = time.monotonic() + LIMIT_S
        while process.poll() is None and time.monotonic() < end:
            for one in cloud.held(0.2):
                found.append(Look(one["method"], one["path"], journal(home)))
                cloud.release("go", held=one["id"])
        return found, finish(process, argv, limit_s=LIMIT_S)
    finally:
        cloud.clear()
        assert gate


def journal(home: Path) -> str:
    """All intents on disk."""
    found = []
    for path in sorted((home / "journal").glob("*.json")):
        try:
            found.append(path.read_text())
        except FileNotFoundError:
            continue
    return "\n".join(found)


def assert_saved(seen: Sequence[Look], paid: str, bought: Sequence[str]) -> None:
    """Raises AssertionError unless something was saved before and after each paid call (POST to a path ending in
    `paid`), and each thing that was `bought` stands in the journal at some call after it."""
    orders = [i for i, look in enumerate(seen) if look.method == "POST" and look.path.endswith(paid)]
    assert orders, f"no POST {paid} among {[(look.method, look.path) for look in seen]}"
    for i in orders:
        assert seen[i].journal, "a paid call with nothing in the journal"
        assert seen[i].journal != seen[i - 1].journal, "nothing was saved before a paid call"
        assert i + 1 < len(seen), "the paid call was the last one"
        assert seen[i + 1].journal != seen[i].journal, (
            "what came of a paid call wasn't saved before the next call"
        )
    for id in bought:
        # As soon as mngr speaks of it to the cloud, it must have written it down.
        spoken = [look for look in seen if id in look.path]
        assert spoken, f"{id} was bought and never asked about"
        assert all(id in look.journal for look in spoken), f"{id} isn't in the journal while it is worked on"
