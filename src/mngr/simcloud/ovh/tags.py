"""IAM tags on replicas that lag: each key's write reaches each replica on its own, within Δ.

What facts/ovh.md lets a client assume holds: a write that was acknowledged is seen by every read after Δ, and
writes of different keys don't clobber each other. Nothing else does: a reader may miss its own write, two
readers may see different states, and a later write may show before an earlier one.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from mngr.simcloud.clock import Clock
from mngr.simcloud.ovh.behaviour import Behaviour


@dataclass(frozen=True)
class Write:
    """`value` None removes the key; `reaches` is when each replica has it."""

    key: str
    value: str | None
    at: float
    reaches: tuple[float, ...]


class Tags:
    def __init__(self, clock: Clock, behaviour: Behaviour, seed: int = 0) -> None:
        self._clock = clock
        self._behaviour = behaviour
        self._random = random.Random(seed)
        self._writes: dict[str, list[Write]] = {}

    def write(self, service: str, key: str, value: str | None, at: float | None = None) -> None:
        """Put a tag, or remove it (None). With `at`, long ago."""
        moment = self._clock.now() if at is None else at
        lag = self._behaviour.tag_lag_s if at is None else 0.0
        reaches = tuple(moment + self._random.uniform(0, lag) for _ in range(self._behaviour.tag_replicas))
        kept = self._writes.setdefault(service, [])
        kept.append(Write(key, value, moment, reaches))

    def truth(self, service: str) -> dict[str, str]:
        """All writes so far."""
        return _applied(self._writes.get(service, []))

    def read(self, service: str, replica: int, as_of: float | None = None) -> dict[str, str]:
        """What one replica knows, now or as of a moment that is past."""
        moment = self._clock.now() if as_of is None else as_of
        writes = self._writes.get(service, [])
        return _applied([write for write in writes if _reached(write, replica) <= moment])

    def any_replica(self) -> int:
        """Which one answers a request."""
        return self._random.randrange(self._behaviour.tag_replicas)

    def forget(self, service: str) -> None:
        self._writes.pop(service, None)


def _reached(write: Write, replica: int) -> float:
    return write.reaches[replica % len(write.reaches)]


def _applied(writes: list[Write]) -> dict[str, str]:
    """The last write of each key wins."""
    found: dict[str, str | None] = {}
    for write in writes:
        found[write.key] = write.value
    return {key: value for key, value in sorted(found.items()) if value is not None}
