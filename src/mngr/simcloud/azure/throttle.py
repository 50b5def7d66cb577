"""ARM's token buckets, one set for each caller and subscription; they fill by real time, as it is haste that they hold up.

https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling
"""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass, field

SIZES = {"reads": (250, 25.0), "writes": (200, 10.0), "deletes": (200, 10.0)}
"""Tokens, and how many come back in a second."""


def kind(method: str) -> str:
    return {"GET": "reads", "HEAD": "reads", "DELETE": "deletes"}.get(method, "writes")


@dataclass
class Bucket:
    left: float
    at: float = field(default_factory=time.monotonic)


class Throttle:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._buckets: dict[tuple[str, str], Bucket] = {}

    def take(self, who: str, method: str) -> int:
        """0 if there was a token; else the seconds after which there is one."""
        size, rate = SIZES[kind(method)]
        with self._lock:
            bucket = self._filled(who, kind(method))
            if bucket.left < 1:
                return max(1, math.ceil((1 - bucket.left) / rate))
            bucket.left = min(size, bucket.left) - 1
            return 0

    def left(self, who: str, name: str) -> int:
        with self._lock:
            return max(0, int(self._filled(who, name).left))

    def set(self, name: str, left: int) -> None:
        """Give every caller that many tokens, fewer than none to keep them waiting for longer."""
        if name not in SIZES:
            raise ValueError(f"throttle: there are buckets for {', '.join(SIZES)}, not {name!r}")
        with self._lock:
            for who, of in list(self._buckets):
                if of == name:
                    self._buckets[who, of] = Bucket(left)

    def _filled(self, who: str, name: str) -> Bucket:
        size, rate = SIZES[name]
        bucket = self._buckets.setdefault((who, name), Bucket(size))
        now = time.monotonic()
        bucket.left, bucket.at = min(size, bucket.left + (now - bucket.at) * rate), now
        return bucket
