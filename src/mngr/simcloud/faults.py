"""Faults that a test orders: what goes wrong, at which call, how often."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

from mngr.simcloud.http import Request
from mngr.simcloud.match import Match, Trigger, refuse_unknown

ANSWER_FAULTS = ("error", "timeout", "lose_answer", "delay", "throttle", "stale", "no_capacity")
"""They change how one call is answered."""

MACHINE_FAULTS = ("boot_never", "slow_boot", "refuse_key", "cloud_init_fail")
"""They are built into the machine that the matching call makes."""

KINDS = ANSWER_FAULTS + MACHINE_FAULTS


FIELDS = ("do", "match", "nth", "times", "status", "body", "delay_s", "lag_s", "retry_after_s", "how")


@dataclass(kw_only=True)
class Fault(Trigger):
    do: str
    status: int = 500
    body: Any = None
    delay_s: float = 0.0
    lag_s: float = 0.0
    retry_after_s: int = 1
    how: str = ""
    fired: int = 0


@dataclass
class Faults:
    """All orders in force."""

    vendor_kinds: tuple[str, ...] = ()
    """What else can go wrong at this vendor; the vendor's own calls act on it, by `request.faults`."""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _faults: list[Fault] = field(default_factory=list)
    _next: int = 1

    def add(self, data: dict[str, Any]) -> Fault:
        """Take an order as `POST /faults` gets it. Raises ValueError if it can't be meant so."""
        refuse_unknown("fault", data, FIELDS)
        kinds = KINDS + self.vendor_kinds
        if data.get("do") not in kinds:
            raise ValueError(f"fault: do is one of {', '.join(kinds)}, not {data.get('do')!r}")
        given = {key: value for key, value in data.items() if key != "match"}
        with self._lock:
            fault = Fault(id=self._next, match=Match.parse(data.get("match") or {}), **given)
            self._next += 1
            self._faults.append(fault)
        return fault

    def due(self, request: Request, prefix: str) -> list[Fault]:
        """The faults that act on this call; each matching one counts it."""
        with self._lock:
            due = [fault for fault in self._faults if fault.due(request, prefix)]
            for fault in due:
                fault.fired += 1
        return due

    def clear(self, id: int | None = None) -> None:
        with self._lock:
            self._faults = [fault for fault in self._faults if id is not None and fault.id != id]

    def list(self) -> list[Fault]:
        with self._lock:
            return list(self._faults)
