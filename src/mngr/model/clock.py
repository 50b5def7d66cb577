"""Time, handed in: code that waits takes a Clock, so that no test waits for a real time-out."""

import time
from typing import Protocol


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


def iso(seconds: float) -> str:
    """`2026-01-31T12:00:00Z`."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def from_iso(text: str) -> float:
    """Seconds since the epoch from ISO 8601; a bare date is the start of that day, UTC. Raises ValueError."""
    from datetime import UTC, datetime

    at = datetime.fromisoformat(text)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
