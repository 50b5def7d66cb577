"""A vendor's operations as a table: method and path of each, and what answers it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import unquote

State = TypeVar("State")
Asked = TypeVar("Asked")


@dataclass(frozen=True)
class Route(Generic[State, Asked]):
    """One operation. `path` is as the vendor's contract writes it, without the API's prefix: `/instances/{id}`. `{+scope}` has
    any number of parts (RFC 6570)."""

    method: str
    path: str
    answer: Callable[[State, Asked], Any]
    """Gives the JSON of the answer, or a whole Response."""
    status: int = 200
    open: bool = False
    """Needs no login."""


Operation = TypeVar("Operation", bound=Route[Any, Any])


class Router(Generic[Operation]):
    """Finds the operation of a request: the first that fits."""

    def __init__(self, routes: Iterable[Operation], *, ignore_case: bool = False) -> None:
        self.routes = tuple(routes)
        flags = re.IGNORECASE if ignore_case else re.NOFLAG
        self._patterns = [(route, re.compile(_pattern(route.path), flags)) for route in self.routes]

    def find(self, method: str, path: str) -> tuple[Operation, dict[str, str]] | None:
        """The operation and its path parts, decoded; None if there is none."""
        for route, pattern in self._patterns:
            if route.method == method and (found := pattern.fullmatch(path)):
                return route, {name: unquote(part) for name, part in found.groupdict().items()}
        return None

    def methods(self, path: str) -> list[str]:
        """Those that a path can be asked with."""
        return [route.method for route, pattern in self._patterns if pattern.fullmatch(path)]


def _pattern(path: str) -> str:
    one = re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", path)
    return re.sub(r"{\+(\w+)}", r"(?P<\1>.+)", one)
