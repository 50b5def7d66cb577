"""Time, handed in: code that waits takes a Clock, so that no test waits for a real time-out."""

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec, Protocol, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Clock(Protocol):
    def now(self) -> float:
        """Seconds since the epoch."""
        ...

    def monotonic(self) -> float:
        """Seconds on a clock that never jumps, and that counts while the computer sleeps."""
        ...

    def sleep(self, seconds: float) -> None: ...


class SystemClock:
    """This computer's clock."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return (
            time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()
        )

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


SYSTEM = SystemClock()


_asked = threading.local()  # `ends`: until when whoever asks this thread will wait


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Calls and commands that this thread waits for inside end in so many seconds at most, by real time, or in what an outer
    `within` leaves; also those of other threads in what `carried` made here."""
    outer = getattr(_asked, "ends", math.inf)
    _asked.ends = min(outer, time.monotonic() + seconds)
    try:
        yield
    finally:
        _asked.ends = outer


def left(seconds: float = math.inf) -> float:
    """`seconds`, or what `within` leaves of them; 0 where that is nothing."""
    return round(max(0.0, min(seconds, getattr(_asked, "ends", math.inf) - time.monotonic())), 2)


def carried(work: Callable[P, T]) -> Callable[P, T]:
    """`work`, which in any thread has as much time as this one has now."""
    ends = getattr(_asked, "ends", math.inf)

    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        with within(ends - time.monotonic()):
            return work(*args, **kwargs)

    return run


def iso(seconds: float) -> str:
    """`2026-01-31T12:00:00Z`."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def from_iso(text: str) -> float:
    """Seconds since the epoch from ISO 8601; a bare date is the start of that day, UTC. Raises ValueError."""
    from datetime import UTC, datetime

    at = datetime.fromisoformat(text)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
