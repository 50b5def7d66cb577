"""Gates: a matching call is held where a crash driver wants it, until the driver says how it goes on.

At `before_commit` the cloud has the request and has done nothing; at `after_commit` it has done it and
formed no answer; at `before_answer` the answer is ready to be sent. A held call is released to `go` on,
or to be `drop`ped: dropped before the commit the cloud never did it, after the commit the answer is lost.
"""

from __future__ import annotations

import itertools
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from mngr.simcloud.http import HangUp, Request
from mngr.simcloud.match import Match, Trigger, refuse_unknown

PLACES = ("before_commit", "after_commit", "before_answer")


FIELDS = ("match", "at", "nth", "times", "limit_s", "on_limit")


@dataclass(kw_only=True)
class Gate(Trigger):
    """Holds each of its calls for `limit_s` of real time at most."""

    at: str
    limit_s: float = 60.0
    on_limit: str = "go"


@dataclass
class Held:
    id: int
    gate: int
    at: str
    request: Request
    since: float
    released: threading.Event = field(default_factory=threading.Event)
    then: str = "go"


class Gates:
    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._gates: list[Gate] = []
        self._held: dict[int, Held] = {}
        self._ids = itertools.count(1)

    def add(self, data: dict[str, Any]) -> Gate:
        """Take an order as `POST /gates` gets it. Raises ValueError if it can't be meant so."""
        refuse_unknown("gate", data, FIELDS)
        if data.get("at") not in PLACES:
            raise ValueError(f"gate: at is one of {', '.join(PLACES)}, not {data.get('at')!r}")
        if data.get("on_limit", "go") not in ("go", "drop"):
            raise ValueError("gate: on_limit is go or drop")
        given = {key: value for key, value in data.items() if key != "match"}
        with self._changed:
            gate = Gate(id=next(self._ids), match=Match.parse(data.get("match") or {}), **given)
            self._gates.append(gate)
        return gate

    def hold(self, request: Request, prefix: str, at: str) -> None:
        """Wait here if a gate says so. Raises HangUp if the call is dropped."""
        with self._changed:
            gate = self._gate_for(request, prefix, at)
            if gate is None:
                return
            held = Held(next(self._ids), gate.id, at, request, time.monotonic(), then=gate.on_limit)
            self._held[held.id] = held
            self._changed.notify_all()
        held.released.wait(gate.limit_s)
        with self._changed:
            self._held.pop(held.id, None)
            self._changed.notify_all()
        if held.then == "drop":
            raise HangUp

    def _gate_for(self, request: Request, prefix: str, at: str) -> Gate | None:
        return next((gate for gate in self._gates if gate.at == at and gate.due(request, prefix)), None)

    def release(self, held_id: int | None = None, then: str = "go") -> int:
        """Let one held call go on, or all of them; how many that were."""
        if then not in ("go", "drop"):
            raise ValueError(f"release: then is go or drop, not {then!r}")
        with self._changed:
            chosen = [held for held in self._held.values() if held_id is None or held.id == held_id]
            for held in chosen:
                held.then = then
                held.released.set()
                self._held.pop(held.id)
            return len(chosen)

    def clear(self) -> None:
        """Take every gate away and let what is held go on."""
        with self._changed:
            self._gates.clear()
        self.release()

    def report(self, wait_s: float = 0.0) -> dict[str, Any]:
        """What `GET /gates` answers; with `wait_s`, once something is held or that time is over."""
        with self._changed:
            if wait_s > 0:
                self._changed.wait_for(lambda: bool(self._held), min(wait_s, 60.0))
            gates, held = list(self._gates), list(self._held.values())
        return {
            "gates": [
                {
                    "id": gate.id,
                    "at": gate.at,
                    "match": vars(gate.match),
                    "nth": gate.nth,
                    "times": gate.times,
                    "seen": gate.seen,
                }
                for gate in gates
            ],
            "held": [
                {
                    "id": one.id,
                    "gate": one.gate,
                    "at": one.at,
                    "method": one.request.method,
                    "path": one.request.path,
                    "for_s": round(time.monotonic() - one.since, 3),
                    "client_gone": one.request.hung_up(),
                }
                for one in held
            ],
        }
