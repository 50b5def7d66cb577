"""IAM tags on replicas that lag: each key's write reaches each replica on its own, within Δ.

What docs/clouds-as-they-are.md lets a client assume holds: a write that was acknowledged is seen by every read after Δ, and
writes of different keys don't clobber each other. A writer sees its own writes at once when it reads the resource
by its name (four creates that locked one VPS did so each for itself, and not for each other), unless
`tag_writer_sees` is off. Nothing else holds: two readers may see different states, lists may be later than
resources by name and show a writer nothing of its own, and a later write may show before an earlier one.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from mngr.simcloud.clock import Clock
from mngr.simcloud.ovh.behaviour import Behaviour


@dataclass(frozen=True)
class Write:
    """`value` None removes the key; `reaches` is when each replica has it, `listed` when it shows that in lists."""

    key: str
    value: str | None
    at: float
    reaches: tuple[float, ...]
    listed: tuple[float, ...]
    writer: str


class Tags:
    def __init__(self, clock: Clock, behaviour: Behaviour, seed: int = 0) -> None:
        self._clock = clock
        self._behaviour = behaviour
        self._random = random.Random(seed)
        self._writes: dict[str, list[Write]] = {}

    def write(
        self, service: str, key: str, value: str | None, at: float | None = None, *, writer: str = ""
    ) -> None:
        """Put a tag, or remove it (None). With `at`, long ago."""
        moment = self._clock.now() if at is None else at
        behaviour, age = self._behaviour, 1.0 if at is None else 0.0
        late = [age * self._random.random() for _ in range(behaviour.tag_replicas)]
        reaches = tuple(moment + share * behaviour.tag_lag_s for share in late)
        listed = tuple(moment + share * behaviour.tag_list_lag_s for share in late)
        kept = self._writes.setdefault(service, [])
        kept.append(Write(key, value, moment, reaches, listed, writer))

    def truth(self, service: str) -> dict[str, str]:
        """All writes so far."""
        return _applied(self._writes.get(service, []))

    def read(
        self, service: str, replica: int, as_of: float | None = None, *, reader: str = ""
    ) -> dict[str, str]:
        """What one replica knows of a resource that is asked for by its name, now or as of a moment that is past."""
        moment = self._clock.now() if as_of is None else as_of
        own = reader if self._behaviour.tag_writer_sees else ""
        return self._seen(
            service, lambda write: _own(write, own, moment) or _at(write.reaches, replica) <= moment
        )

    def list(self, service: str, replica: int, as_of: float | None = None) -> dict[str, str]:
        """What one replica shows of it in a list: to everybody the same."""
        moment = self._clock.now() if as_of is None else as_of
        return self._seen(service, lambda write: _at(write.listed, replica) <= moment)

    def _seen(self, service: str, shows: Callable[[Write], bool]) -> dict[str, str]:
        return _applied([write for write in self._writes.get(service, []) if shows(write)])

    def any_replica(self) -> int:
        """Which one answers a request."""
        return self._random.randrange(self._behaviour.tag_replicas)

    def forget(self, service: str) -> None:
        self._writes.pop(service, None)


def _own(write: Write, reader: str, moment: float) -> bool:
    return bool(reader) and write.writer == reader and write.at <= moment


def _at(replicas: tuple[float, ...], replica: int) -> float:
    return replicas[replica % len(replicas)]


def _applied(writes: list[Write]) -> dict[str, str]:
    """The last write of each key wins."""
    found: dict[str, str | None] = {}
    for write in writes:
        found[write.key] = write.value
    return {key: value for key, value in sorted(found.items()) if value is not None}
