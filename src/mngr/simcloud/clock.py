"""The cloud's clock: real time plus whatever the test has added."""

from __future__ import annotations

import threading
import time
from typing import Protocol

from mngr.model import clock


class Stop(Protocol):
    """Set once it isn't worth waiting any longer; `threading.Event` is one."""

    def is_set(self) -> bool: ...


class Clock:
    """Seconds since the epoch, as this cloud sees it. Bills, dates and delays go by it."""

    def __init__(self) -> None:
        self._ahead = 0.0
        self._moved = threading.Condition()

    def now(self) -> float:
        return time.time() + self._ahead

    def advance(self, seconds: float) -> float:
        """Move the clock forward; whoever waits for a moment that is now past goes on at once."""
        if seconds < 0:
            raise ValueError("the clock only goes forward")
        with self._moved:
            self._ahead += seconds
            self._moved.notify_all()
        return self.now()

    def ahead(self) -> float:
        """How far it is ahead of real time, in seconds."""
        return self._ahead

    def wait_until(self, moment: float, stop: Stop) -> bool:
        """Wait for a moment of this clock; False if `stop` was set first."""
        with self._moved:
            while not stop.is_set():
                left = moment - self.now()
                if left <= 0:
                    return True
                self._moved.wait(min(left, 0.2))
        return False


def iso(moment: float) -> str:
    """A date as vendors write it: 2020-10-10T01:56:20+00:00."""
    return clock.iso(moment).replace("Z", "+00:00")
