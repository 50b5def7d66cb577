"""How often somebody may call: a bucket each, which fills again as time goes by."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Callable

#: Calls a second of each token, or of each address without one, and how many seconds' worth may come at once.
DEFAULT_RATE, BURST_S = 100.0, 10.0
#: Calls of an address whose token isn't known.
FAILED_PER_S, MOST_FAILED = 1.0, 30.0
#: So many are remembered: of whoever was longest away nothing is, and his bucket is full by then.
MOST_KEYS = 10_000


class Buckets:
    """`now` gives seconds. In the event loop alone."""

    def __init__(self, per_s: float, most: float, now: Callable[[], float], keys: int = MOST_KEYS) -> None:
        self._per_s, self._most, self._now, self._keys = per_s, most, now, keys
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str) -> float:
        """0, and then it is counted; else seconds until there is one again."""
        now = self._now()
        left, at = self._left.pop(key, (self._most, now))
        left = min(self._most, left + max(0.0, now - at) * self._per_s)
        wait = 0.0 if left >= 1 else (1 - left) / self._per_s
        self._left[key] = (left if wait else left - 1, now)
        if len(self._left) > self._keys:
            self._left.popitem(last=False)
        return wait


def neighbours(address: str) -> str:
    """Those who count as one: an IPv4 address, a network of 64 bits with IPv6, as whoever has one has all of them."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv6Address):
        return str(ip.ipv4_mapped or ipaddress.ip_network((ip, 64), strict=False))
    return str(ip)
