"""Where mngr can die: the calls of a recorded run, and the points before, in and after each."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Sort = Literal["program", "http"]
How = Literal["before", "after", "cut", "late", "lose"]

#: Programs with a connection between them and what they do: it can break after the command and before its answer.
OVER_A_CONNECTION = ("ssh", "docker", "rsync", "scp")

#: HTTP calls that change something at a cloud.
WRITES = ("POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True)
class Call:
    """An outside call: the `n`th of its sort. `argv` is a program's command line, or (method, path)."""

    sort: Sort
    n: int
    argv: tuple[str, ...]

    def __str__(self) -> str:
        words = [
            word if len(word) < 60 and "\n" not in word else f"<{len(word)} characters>" for word in self.argv
        ]
        return f"{self.sort} {self.n}: {' '.join(words)}"[:200]


@dataclass(frozen=True)
class Point:
    """Where a run ends: `how` about call number `n` of its sort (see shim.sh; HTTP knows before, after, lose)."""

    sort: Sort
    n: int
    how: How
    call: str = ""
    edge: bool = False
    """Whether something is committed here that is paid for or can't be taken back."""

    def __str__(self) -> str:
        return f"{self.how} {self.call or f'{self.sort} {self.n}'}"


def points(calls: Iterable[Call]) -> list[Point]:
    """All points of a run, in order. `after` call n and `before` call n+1 enclose what mngr writes in between."""
    found: list[Point] = []
    for call in calls:
        for how in _hows(call):
            edge = how in ("after", "lose") and call.sort == "http" and call.argv[0] in WRITES
            found.append(Point(call.sort, call.n, how, str(call), edge))
    return found


def _hows(call: Call) -> Sequence[How]:
    if call.sort == "http":
        return ("before", "after", "lose") if call.argv[0] in WRITES else ("before", "after")
    if call.argv[0] in OVER_A_CONNECTION:
        return ("before", "after", "cut", "late", "lose")
    return ("before", "after", "cut", "late") if call.argv[0] == "sh" else ("before", "after")


def chosen(found: Sequence[Point], every: int | None = None) -> list[Point]:
    """All points, or with MNGR_CRASH=sample one in `every` of them and all commit edges. The same each time."""
    if os.environ.get("MNGR_CRASH", "full") == "full" or not every:
        return list(found)
    return [point for i, point in enumerate(found) if point.edge or i % every == 0]


def share(found: Sequence[Point], part: int, parts: int) -> list[Point]:
    """Part number `part` of `parts`, so that several processes can work on one verb."""
    return [point for i, point in enumerate(found) if i % parts == part]
