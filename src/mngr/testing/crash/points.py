"""Where mngr can die: the calls of a recorded run, and the points before, in and after each."""

from __future__ import annotations

import os
import re
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

Sort = Literal["program", "http"]
How = Literal["before", "after", "cut", "late", "lose", "hold"]

#: Programs with a connection between them and what they do: it can break after the command and before its answer.
OVER_A_CONNECTION = ("ssh", "docker", "rsync", "scp")

#: HTTP calls that change something at a cloud.
WRITES = ("POST", "PUT", "PATCH", "DELETE")

#: Scripts of mngr's (by name, wherever they run) and commands that change nothing: whether mngr dies before or after
#: them is the same to everybody else, so they have one point.
HARMLESS = ("survey", "probe", "machine-probe", "machine-booted", "machine-log", "host-agents")
HARMLESS_LINES = ("true", "docker version", "docker image ls")


@dataclass(frozen=True)
class Call:
    """An outside call: the `n`th of its sort. `argv` is a program's command line, or (method, path).

    `fed`: whether it was given something on its standard input. `home`: a digest of MNGR_HOME when it began.
    """

    sort: Sort
    n: int
    argv: tuple[str, ...]
    fed: bool = False
    home: str = ""

    @property
    def script(self) -> str:
        """The name of mngr's script that is run, here or at the end of a connection; "" if it is none."""
        words = self.argv
        if self.argv[0] == "ssh" and "--" in self.argv:
            words = _split(self.argv[-1])
        for i in range(len(words) - 3):
            if words[i : i + 2] == ("sh", "-c") and "\n" in words[i + 2]:
                return words[i + 3]
        return ""

    @property
    def shape(self) -> str:
        """Of an HTTP call: the path as simcloud matches it, whatever the names and numbers in it are."""
        parts = self.argv[1].partition("?")[0].split("/")
        return "re:" + "/".join("[^/]+" if any(map(str.isdigit, part)) else re.escape(part) for part in parts)

    @property
    def harmless(self) -> bool:
        """Whether it changes nothing, as far as is known here."""
        if self.sort == "http":
            return self.argv[0] not in WRITES
        line = self.argv[-1] if self.argv[0] == "ssh" else " ".join(self.argv)
        return self.script in HARMLESS or line.startswith(HARMLESS_LINES) or "-O" in self.argv

    def __str__(self) -> str:
        if self.script:
            return f"{self.sort} {self.n}: {self.argv[0]} … {self.script}"
        most = 300 if self.sort == "http" else 60
        words = [
            word if len(word) < most and "\n" not in word else f"<{len(word)} characters>"
            for word in self.argv
        ]
        return f"{self.sort} {self.n}: {' '.join(words)}"[:300]


@dataclass(frozen=True)
class Point:
    """Where a run ends: `how` about a call (see shim.sh; HTTP knows before, after, lose, hold).

    A program is the `n`th that is run. HTTP calls become more as an account fills: there it is the `n`th of this `method`
    and `path` (as simcloud matches it). `edge`: something is committed here that is paid for or can't be taken back.
    """

    sort: Sort
    n: int
    how: How
    call: str = ""
    edge: bool = False
    method: str = ""
    path: str = ""

    def __str__(self) -> str:
        return f"{self.how} {self.call or f'{self.sort} {self.n}'}"


def points(calls: Iterable[Call]) -> list[Point]:
    """All points of a run, given its calls in the order in which they began.

    `after` call n and `before` call n+1 enclose what mngr writes in between; where it wrote nothing they are the same
    state, and only the first is driven. (Before and after a harmless call is the same state, too.)
    """
    found: list[Point] = []
    previous = ""
    for call, point in _numbered(calls):
        for how in _hows(call):
            if how == "before" and call.home and call.home == previous:
                continue
            edge = how in ("after", "lose") and call.sort == "http" and not call.harmless
            found.append(replace(point, how=how, edge=edge))
        previous = call.home
    return found


def holds(calls: Iterable[Call]) -> list[Point]:
    """Points where mngr isn't killed but held, so that others can act meanwhile: before each call that finds another
    state than the last one."""
    found: list[Point] = []
    unchanged = ""
    for call, point in _numbered(calls):
        if not call.home or call.home != unchanged:
            found.append(point)
        unchanged = call.home if call.harmless else ""
    return found


def _numbered(calls: Iterable[Call]) -> Iterator[tuple[Call, Point]]:
    """Each call, and how it is found again in another run."""
    seen: Counter[tuple[str, str]] = Counter()
    for call in calls:
        if call.sort == "program":
            yield call, Point("program", call.n, "hold", str(call))
            continue
        method, shape = call.argv[0], call.shape
        seen[method, shape] += 1
        yield call, Point("http", seen[method, shape], "hold", str(call), method=method, path=shape)


def _hows(call: Call) -> Sequence[How]:
    if call.harmless:
        return ("before",)
    if call.sort == "http":
        return ("before", "after", "lose")
    hows: list[How] = ["before", "after"]
    if call.argv[0] in OVER_A_CONNECTION:
        hows.append("lose")
    if call.script or call.argv[0] in OVER_A_CONNECTION:
        hows.append("late")
    if call.fed:
        hows.append("cut")
    return hows


def chosen(found: Sequence[Point], every: int = 1, always: str = "") -> list[Point]:
    """One point in `every`, and all commit edges; with MNGR_CRASH=full all points. The same each time.

    `always`: a regular expression; only edges of calls in which it is found are then driven always.
    """
    if os.environ.get("MNGR_CRASH") == "full":
        return list(found)
    return [
        point
        for i, point in enumerate(found)
        if i % every == 0 or (point.edge and re.search(always, point.call))
    ]


def _split(line: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(line))
    except ValueError:
        return ()
