"""Every API call so far, without its secrets."""

from __future__ import annotations

import threading
import time
from dataclasses import asdict, dataclass, field
from typing import Any

from mngr.simcloud.clock import Clock, iso
from mngr.simcloud.http import Request

SECRET_KEYS = frozenset(
    {
        *("user_data", "default_password", "password", "rootpassword", "client_secret", "private_key"),
        *("customdata", "userdata", "adminpassword", "access_token"),
    }
)


@dataclass
class Entry:
    """One call. `outcome`: in_progress, answered, lost (the cloud did it, the answer went nowhere), unanswered, dropped."""

    seq: int
    at: str
    method: str
    path: str
    query: dict[str, list[str]]
    body: Any
    status: int | None = None
    outcome: str = "in_progress"
    faults: list[str] = field(default_factory=list)
    seconds: float | None = None


class Calls:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._calls: list[Entry] = []
        self._started: dict[int, float] = {}

    def begin(self, request: Request) -> Entry:
        try:
            body = redacted(request.json()) if request.body else None
        except (ValueError, RecursionError):  # a body can be read, and be too deep to go through
            body = f"<{len(request.body)} bytes that are not JSON>"
        with self._lock:
            call = Entry(
                len(self._calls) + 1,
                iso(self._clock.now()),
                request.method,
                request.path,
                request.query,
                body,
            )
            self._calls.append(call)
            self._started[call.seq] = time.monotonic()
        return call

    def end(self, call: Entry, outcome: str, status: int | None = None) -> None:
        call.outcome, call.status = outcome, status
        call.seconds = round(time.monotonic() - self._started.pop(call.seq, time.monotonic()), 4)

    def list(self, since: int = 0) -> list[dict[str, Any]]:
        """Calls after number `since`, oldest first."""
        with self._lock:
            return [asdict(call) for call in self._calls[since:]]


def redacted(value: Any) -> Any:
    """The same JSON with every secret value replaced by its length."""
    if isinstance(value, dict):
        return {
            key: _hidden(item) if key.lower() in SECRET_KEYS else redacted(item)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [redacted(item) for item in value]
    return value


def _hidden(value: Any) -> str:
    return f"<hidden, {len(str(value))} characters>"
