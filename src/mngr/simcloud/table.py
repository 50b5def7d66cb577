"""Records by id, with their past: a list can be answered as it was some seconds ago."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any, Generic, TypeVar

from mngr.simcloud.call import ApiError
from mngr.simcloud.cloud import Core

Record = TypeVar("Record")


class Table(Generic[Record]):
    """Holds frozen records only: a change is a new record, so the past stays as it was. `missing`: what a call for a record
    that isn't there is told."""

    def __init__(self, core: Core, missing: str) -> None:
        self._core = core
        self._clock = core.clock
        self._missing = missing
        self._lock = threading.Lock()
        self._past: dict[str, list[tuple[float, Record | None]]] = {}

    def put(self, key: str, record: Record, since: float | None = None) -> None:
        """Hold a record from now on, or as of a moment that is past already."""
        with self._lock:
            moment = self._clock.now() if since is None else since
            self._past.setdefault(key, []).append((moment, record))

    def remove(self, key: str) -> None:
        with self._lock:
            if key in self._past:
                self._past[key].append((self._clock.now(), None))

    def get(self, key: str, as_of: float | None = None) -> Record | None:
        with self._lock:
            return _at(self._past.get(key, []), as_of)

    def find(self, key: str, as_of: float | None = None) -> Record:
        """Raises ApiError 404."""
        record = self.get(key, as_of)
        if record is None:
            raise ApiError(404, self._missing)
        return record

    def change(self, key: str, **changes: Any) -> Record | None:
        """Give a record's fields other values, if it is still there; the record as it is then."""
        with self._core.lock:
            record = self.get(key)
            if record is None:
                return None
            changed = replace(record, **changes)  # type: ignore[type-var]
            self.put(key, changed)
        return changed

    def list(self, as_of: float | None = None) -> list[Record]:
        """In the order they were made."""
        with self._lock:
            found = [_at(past, as_of) for past in self._past.values()]
        return [record for record in found if record is not None]


def _at(past: list[tuple[float, Record | None]], as_of: float | None) -> Record | None:
    for moment, record in reversed(past):
        if as_of is None or moment <= as_of:
            return record
    return None
