"""Which calls a fault or a gate is meant for, and how often."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from mngr.simcloud.http import Request


@dataclass(frozen=True)
class Match:
    """A call's method, path and body.

    `path` is a glob (`*` stays within one part of the path, `**` doesn't), tried with and without the
    API's prefix, or `re:` and a regular expression that must fit the whole path.
    """

    method: str | None = None
    path: str | None = None
    contains: str | None = None

    @classmethod
    def parse(cls, data: dict[str, Any]) -> Match:
        refuse_unknown("match", data, ("method", "path", "contains"))
        try:
            _pattern(data.get("path") or "")
        except re.error as problem:
            raise ValueError(f"match: path {data['path']!r} is no regular expression: {problem}")
        return cls(data.get("method"), data.get("path"), data.get("contains"))

    def fits(self, request: Request, prefix: str) -> bool:
        if self.method and self.method.upper() not in ("*", request.method):
            return False
        if self.contains and self.contains.encode() not in request.body:
            return False
        if not self.path:
            return True
        pattern = _pattern(self.path)
        bare = request.path.removeprefix(prefix)
        return bool(pattern.fullmatch(request.path) or pattern.fullmatch(bare))


@dataclass(kw_only=True)
class Trigger:
    """What a test asks of matching calls number `nth` to `nth + times - 1`; `times` None is for ever."""

    id: int
    match: Match
    nth: int = 1
    times: int | None = 1
    seen: int = 0

    def due(self, request: Request, prefix: str) -> bool:
        """Count a call if it matches; whether it is one to act on."""
        if not self.match.fits(request, prefix):
            return False
        self.seen += 1
        return self.nth <= self.seen and (self.times is None or self.seen < self.nth + self.times)


def refuse_unknown(what: str, data: Mapping[str, Any], known: Collection[str]) -> None:
    """Raises ValueError for a key that can't be meant."""
    if unknown := set(data) - set(known):
        raise ValueError(f"{what}: unknown {', '.join(sorted(unknown))}; it takes {', '.join(known)}")


def _pattern(path: str) -> re.Pattern[str]:
    if path.startswith("re:"):
        return re.compile(path[3:])
    parts = re.split(r"(\*\*|\*|\?)", path)
    globs = {"**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(globs.get(part, re.escape(part)) for part in parts))
