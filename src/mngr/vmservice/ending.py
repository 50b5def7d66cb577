"""How the service ends: what waits stops waiting, and what is in the middle of something comes to its end first."""

from __future__ import annotations

import threading
from types import TracebackType

from mngr.model.clock import Clock
from mngr.model.errors import Unreachable

#: Calls that still run are waited for so long; what they leave then is cleared away by the next start.
LIMIT_S = 60.0


class EndingClock(Clock):
    """Another clock, until the service ends: then whoever waits by it is told so. `now` goes on, as who takes something back
    asks for it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ended = threading.Event()

    def end(self) -> None:
        self._ended.set()

    @property
    def ended(self) -> bool:
        return self._ended.is_set()

    def check(self) -> None:
        """Raises Unreachable once the service ends."""
        if self._ended.is_set():
            raise Unreachable("the service is being ended", hint="ask again when it is back")

    def now(self) -> float:
        return self._clock.now()

    def monotonic(self) -> float:
        self.check()
        return self._clock.monotonic()

    def sleep(self, seconds: float) -> None:
        self._clock.sleep(seconds)
        self.check()


class Running:
    """Counts the calls that run: `with` it around each."""

    def __init__(self) -> None:
        self._count = 0
        self._changed = threading.Condition()

    def __enter__(self) -> None:
        with self._changed:
            self._count += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._count -= 1
            self._changed.notify_all()

    def wait(self) -> bool:
        """Until none runs, or LIMIT_S are over; whether none does."""
        with self._changed:
            return self._changed.wait_for(lambda: self._count == 0, LIMIT_S)
