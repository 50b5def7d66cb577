"""Vultr's rate limit: 30 requests a second for each source address (contract: `x-rate-limit`)."""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque

REQUESTS_PER_SECOND = 30


class Throttle:
    """Goes by real time: it is the caller's haste that counts, and a moved clock mustn't hide it."""

    def __init__(self, limit: int = REQUESTS_PER_SECOND) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._recent: dict[str, deque[float]] = defaultdict(deque)

    def over(self, source: str) -> bool:
        """Count a request; whether it is one too many."""
        if not self._limit:
            return False
        now = time.monotonic()
        with self._lock:
            recent = self._recent[source]
            while recent and recent[0] <= now - 1:
                recent.popleft()
            if len(recent) >= self._limit:
                return True
            recent.append(now)
            return False
