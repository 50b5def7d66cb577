"""Which calls a fault or a gate is meant for."""

from __future__ import annotations

import re
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
        unknown = set(data) - {"method", "path", "contains"}
        if unknown:
            raise ValueError(f"match: unknown {', '.join(sorted(unknown))}; it takes method, path, contains")
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


def _pattern(path: str) -> re.Pattern[str]:
    if path.startswith("re:"):
        return re.compile(path[3:])
    parts = re.split(r"(\*\*|\*|\?)", path)
    globs = {"**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(globs.get(part, re.escape(part)) for part in parts))
