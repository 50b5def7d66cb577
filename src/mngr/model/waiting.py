"""Waiting with a limit: looking again and again, quickly at first."""

from collections.abc import Iterator

from mngr.model.clock import Clock


def looks(clock: Clock, limit: float, *, first: float = 0.1, most: float = 1.0) -> Iterator[None]:
    """Yields once for each look to take, pausing in between, until `limit` seconds have passed; at least once.

    Pauses grow from `first` to `most` seconds. The caller leaves the loop when it saw what it waits for; running out of
    looks is the time-out.
    """
    end = clock.monotonic() + limit
    pause = first
    while True:
        yield
        left = end - clock.monotonic()
        if left <= 0:
            return
        clock.sleep(min(pause, left))
        pause = min(pause * 1.5, most)
