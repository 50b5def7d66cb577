"""Calls on their way to what they change, each of which can be held, lost or counted: what a crash driver asks of a world."""

from __future__ import annotations

import itertools
import re
import threading
from dataclasses import dataclass, field
from typing import Any


@dataclass
class _Order:
    """A gate or a fault. `nth`: which of the calls that fit, from now on; `times` None: all of them."""

    at: str
    method: str | None
    path: str | None
    nth: int = 1
    times: int | None = 1
    seen: int = 0

    def meets(self, call: Call) -> bool:
        if self.method not in (None, call.method) or not _fits(self.path, call.path):
            return False
        self.seen += 1
        return self.times is None or self.nth <= self.seen < self.nth + self.times


@dataclass
class Call:
    id: int
    method: str
    path: str
    lost: bool = False
    then: str = ""
    released: threading.Event = field(default_factory=threading.Event)


class Gates:
    """A `mngr.testing.world.CloudControl`."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._calls: list[Call] = []
        self._orders: list[_Order] = []
        self._held: dict[int, Call] = {}
        self._numbers = itertools.count(1)

    # --- what a driver asks -----------------------------------------------------------------------------------

    def calls(self, since: int = 0) -> list[dict[str, Any]]:
        with self._changed:
            return [{"method": one.method, "path": one.path} for one in self._calls[since:]]

    def gate(self, at: str, *, method: str | None = None, path: str | None = None, **more: Any) -> int:
        return self._order(_Order(at, method, path, more.get("nth", 1), more.get("times", 1)))

    def fault(self, do: str, *, method: str | None = None, path: str | None = None, **more: Any) -> int:
        if do != "lose_answer":
            raise ValueError(f"no fault {do} here")
        return self._order(_Order(do, method, path, more.get("nth", 1), more.get("times", 1)))

    def held(self, wait_s: float = 10.0) -> list[dict[str, Any]]:
        with self._changed:
            self._changed.wait_for(lambda: self._held, wait_s)
            return [{"id": one.id, "method": one.method, "path": one.path} for one in self._held.values()]

    def release(self, then: str = "go", held: int | None = None) -> int:
        with self._changed:
            chosen = [one for one in self._held.values() if held in (None, one.id)]
            for one in chosen:
                one.then = then
                one.released.set()
                del self._held[one.id]
            return len(chosen)

    def clear(self) -> None:
        with self._changed:
            self._orders.clear()
        self.release()

    def _order(self, order: _Order) -> int:
        with self._changed:
            self._orders.append(order)
            return len(self._orders)

    # --- what goes through ------------------------------------------------------------------------------------

    def called(self, method: str, path: str) -> tuple[Call, set[str]]:
        """A call that has come, and what is to be done about it."""
        with self._changed:
            call = Call(next(self._numbers), method, path)
            self._calls.append(call)
            return call, {order.at for order in self._orders if order.meets(call)}

    def hold(self, call: Call) -> bool:
        """Until it is let go; whether it goes on."""
        with self._changed:
            call.released.clear()
            self._held[call.id] = call
            self._changed.notify_all()
        call.released.wait()
        return call.then != "drop"


def _fits(wanted: str | None, path: str) -> bool:
    if wanted is None:
        return True
    return bool(re.fullmatch(wanted[3:], path)) if wanted.startswith("re:") else wanted == path
