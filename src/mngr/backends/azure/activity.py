"""Who switched a VM off or took it away, by Azure's activity log, which goes back 90 days and is some minutes late.

It is asked about a VM that is off or gone, in one call of a few seconds at most, and not again for a while; what it doesn't say
isn't known, and nothing fails for it. https://learn.microsoft.com/rest/api/monitor/activity-logs/list
"""

import contextlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from mngr.backends.azure.arm import Arm
from mngr.model.clock import from_iso, iso, within
from mngr.model.errors import MngrError
from mngr.vps_docker.vps_client import Ended

PATH = "/providers/Microsoft.Insights/eventtypes/management/values"
#: So long one question is waited for.
LIMIT_S = 3.0
#: An answer isn't asked for again for so long; "nothing (yet)", for a shorter while.
FRESH_S, EMPTY_S = 600.0, 30.0
#: Azure keeps events for 90 days.
KEPT_S = 89 * 86400.0

_EVICTED = "evictspotvm/action"
#: What says how a VM that is off, or gone, became so; a start says that the log isn't that far yet.
_OFF = ("deallocate/action", _EVICTED, "start/action")
_GONE = ("delete", _EVICTED)
_VM = "microsoft.compute/virtualmachines/"
_WHO = "http://schemas.microsoft.com/identity/claims/objectidentifier"


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    """`at`: when it was asked, by Azure's time."""

    at: float
    ended: Ended | None = None


class ActivityLog:
    """`folder`: where answers are kept; None: for this process only. Threads may share it."""

    def __init__(self, arm: Arm, folder: Path | None) -> None:
        self._arm = arm
        self._path = folder / "ended.json" if folder else None
        self._kept: dict[str, _Kept] | None = None

    def ended(self, id: str, itself: str, gone: bool) -> Ended | None:
        """How the VM of this id went off, or away (`gone`). `itself`: the id of its own identity, "" where that isn't known."""
        key = f"{id.lower()} gone" if gone else id.lower()
        kept = self._read().get(key)
        try:
            with within(LIMIT_S):
                now = self._arm.now()
                if kept and now - kept.at < (FRESH_S if kept.ended else EMPTY_S):
                    return kept.ended
                found = last(self._asked(id), id, itself, gone)
        except MngrError:
            return kept.ended if kept else None
        self._write({**self._read(), key: _Kept(at=now, ended=found)})
        return found

    def runs(self, ids: Iterable[str]) -> None:
        """These VMs are on: what is kept about them is no longer so."""
        kept = self._read()
        if on := kept.keys() & {id.lower() for id in ids}:
            self._write({id: one for id, one in kept.items() if id not in on})

    def _asked(self, id: str) -> list[Any]:
        """The newest events about a VM; those before the first page hold nothing that matters now."""
        since = iso(self._arm.now() - KEPT_S)
        said = self._arm.get(
            PATH,
            {
                "$filter": f"eventTimestamp ge '{since}' and resourceUri eq '{id}'",
                "$select": "eventTimestamp,operationName,status,caller,claims,correlationId,resourceId",
            },
        )
        rows = said.get("value")
        return rows if isinstance(rows, list) else []

    def _read(self) -> dict[str, _Kept]:
        if self._kept is None:
            self._kept = {}
            with contextlib.suppress(OSError, ValueError):
                if self._path:
                    self._kept = msgspec.json.decode(self._path.read_bytes(), type=dict[str, _Kept])
        return self._kept

    def _write(self, kept: dict[str, _Kept]) -> None:
        self._kept = kept
        if self._path is None:
            return
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            part = self._path.with_name(f".ended.{os.urandom(4).hex()}")
            part.write_bytes(msgspec.json.encode(kept))
            os.replace(part, self._path)


def last(rows: Iterable[Any], id: str, itself: str, gone: bool) -> Ended | None:
    """What the newest of these events that matters says; those that Azure didn't carry out, or that aren't what Azure says an
    event is, say nothing."""
    events = [event for row in rows if (event := _event(row, id)) is not None]
    failed = {event.operation for event in events if event.status in ("failed", "canceled")}
    those = [one for one in events if one.action in (_GONE if gone else _OFF) and one.operation not in failed]
    # After an eviction Azure may log its own removal of the VM, too.
    evicted = [one for one in those if gone and one.action == _EVICTED]
    newest = max(evicted or those, key=lambda one: one.at, default=None)
    if newest is None or newest.action.startswith("start"):
        return None
    if newest.action == _EVICTED:
        return Ended(at=newest.at, by="cloud", who=newest.who)
    own = newest.vm.lower() == id.lower() or (bool(itself) and newest.id == itself.lower())
    return Ended(at=newest.at, by="itself" if own else "person", who=newest.who)


class _Event(msgspec.Struct, frozen=True, kw_only=True):
    """`operation`: which of several events of one have in common. `id`, `vm`: of who did it: its object, and the VM whose
    identity it is."""

    at: float
    action: str
    status: str
    operation: str
    who: str
    id: str
    vm: str


def _event(row: Any, id: str) -> _Event | None:
    try:
        action = str(row["operationName"]["value"]).lower()
        if not action.startswith(_VM) or str(row.get("resourceId", id)).lower() != id.lower():
            return None
        claims: Mapping[str, Any] = row.get("claims") or {}
        caller = str(row.get("caller") or "")
        return _Event(
            at=from_iso(row["eventTimestamp"]),
            action=action.removeprefix(_VM),
            status=str(row["status"]["value"]).lower(),
            operation=str(row.get("correlationId") or row["eventTimestamp"]),
            who=caller,
            id=str(claims.get(_WHO) or caller).lower(),
            vm=str(claims.get("xms_mirid") or ""),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
