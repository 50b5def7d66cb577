"""The bill: one line for each thing that costs money, from the call that made it to the one that ended it."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass, replace
from typing import Any, Protocol

from mngr.simcloud.clock import Clock, iso

HOURS_PER_MONTH = 730


class Rate(Protocol):
    """What something costs; `cost` is in the vendor's currency, for a time in hours."""

    def cost(self, hours: float) -> float: ...


@dataclass(frozen=True)
class Hourly:
    """By the hour begun, in each month up to that month's cap."""

    per_hour: float
    per_month: float

    def cost(self, hours: float) -> float:
        begun = max(1, math.ceil(hours))
        months, rest = divmod(begun, HOURS_PER_MONTH)
        return round(months * self.per_month + min(rest * self.per_hour, self.per_month), 4)


@dataclass(frozen=True)
class Monthly:
    """By the month begun, paid in advance, as subscriptions are."""

    per_month: float

    def cost(self, hours: float) -> float:
        return round(max(1, math.ceil(hours / HOURS_PER_MONTH)) * self.per_month, 4)


@dataclass(frozen=True)
class Metered:
    """By the moment: a part of an hour costs its part."""

    per_hour: float

    def cost(self, hours: float) -> float:
        return round(hours * self.per_hour, 6)


@dataclass(frozen=True)
class Stored:
    """By the GB-month."""

    gigabytes: float
    per_gb_month: float

    def cost(self, hours: float) -> float:
        return round(self.gigabytes * self.per_gb_month * hours / HOURS_PER_MONTH, 6)


@dataclass(frozen=True)
class Line:
    resource: str
    kind: str
    name: str
    tags: tuple[str, ...]
    rate: Rate
    opened: float
    closed: float | None = None


class Bill:
    """Lines by resource id: what is opened again after it was closed has another. A closed line stays: what was spent was
    spent."""

    def __init__(self, clock: Clock) -> None:
        self.currency = "USD"
        self._clock = clock
        self._lock = threading.Lock()
        self._lines: dict[str, list[Line]] = {}

    def open(self, resource: str, kind: str, name: str, tags: tuple[str, ...], rate: Rate) -> None:
        with self._lock:
            line = Line(resource, kind, name, tags, rate, self._clock.now())
            self._lines.setdefault(resource, []).append(line)

    def change(self, resource: str, **changes: Any) -> None:
        """Another name, other tags, or the rate once the size is known."""
        with self._lock:
            if lines := self._lines.get(resource):
                lines[-1] = replace(lines[-1], **changes)

    def close(self, resource: str) -> None:
        with self._lock:
            lines = self._lines.get(resource)
            if lines and lines[-1].closed is None:
                lines[-1] = replace(lines[-1], closed=self._clock.now())

    def runs(self, resource: str) -> bool:
        """Whether it costs money now."""
        with self._lock:
            lines = self._lines.get(resource)
            return bool(lines) and lines[-1].closed is None

    def cost(self, resource: str) -> float:
        with self._lock:
            lines = list(self._lines.get(resource, ()))
        return sum(line.rate.cost(self._hours(line)) for line in lines) if lines else 0.0

    def total(self) -> float:
        return round(sum(line.rate.cost(self._hours(line)) for line in self._all()), 4)

    def report(self) -> dict[str, Any]:
        """What `GET /bill` answers: the lines, their sum, and how many are still running."""
        lines = self._all()
        return {
            "now": iso(self._clock.now()),
            "currency": self.currency,
            "total": self.total(),
            "open": sum(line.closed is None for line in lines),
            "lines": [
                {
                    "resource": line.resource,
                    "kind": line.kind,
                    "name": line.name,
                    "tags": list(line.tags),
                    "opened": iso(line.opened),
                    "closed": iso(line.closed) if line.closed is not None else None,
                    "open": line.closed is None,
                    "hours": round(self._hours(line), 3),
                    "cost": line.rate.cost(self._hours(line)),
                }
                for line in lines
            ],
        }

    def _all(self) -> list[Line]:
        """In the order they were opened."""
        with self._lock:
            return sorted(
                (line for lines in self._lines.values() for line in lines), key=lambda one: one.opened
            )

    def _hours(self, line: Line) -> float:
        return max(0.0, (line.closed or self._clock.now()) - line.opened) / 3600
