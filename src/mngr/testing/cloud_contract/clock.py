"""A clock that doesn't wait, of a computer whose time is wrong."""

from __future__ import annotations

import threading
from collections.abc import Callable

from mngr.model.clock import SystemClock

#: The computer's time is so many seconds ahead of the real one.
WRONG_BY_S = 86400.0


class SkippingClock(SystemClock):
    """A sleep takes no time here; the cloud's clock is moved on by as much. Threads may share it."""

    def __init__(self, advance: Callable[[float], None], wrong_by: float = 0.0) -> None:
        self._advance = advance
        self._wrong_by = wrong_by
        self._lock = threading.Lock()
        self.skipped = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.skipped

    def now(self) -> float:
        return super().now() + self.skipped + self._wrong_by

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.skipped += seconds
            self._advance(seconds)
