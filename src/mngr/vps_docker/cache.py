"""What was last seen of each host, for when its machine can't be reached: `$MNGR_HOME/cache/<instance>/<host id>.json`.

It is a memory, never a source of truth: losing it loses nothing.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from mngr.model.ids import is_id
from mngr.model.records import AgentRecord, HostRecord, encode

#: When a host was last seen is noted again after so long.
SEEN_S = 60


class Remembered(msgspec.Struct, frozen=True, kw_only=True):
    """A host as last seen, `at` seconds since the epoch (give or take a minute). `codes`: of agents that were done, by
    id. `account`: where (vps_client.VpsClientInterface.account). `paid_until`: where machines are paid ahead. `ends_at`: when
    its lifetime is over. `spot`: its machine may be taken away by its cloud; `evicted_at`: when it was."""

    record: HostRecord
    agents: list[AgentRecord] = []
    codes: dict[str, int] = {}
    snapshots: int = 0
    at: float = 0
    account: str = ""
    paid_until: str = ""
    ends_at: float | None = None
    spot: bool = False
    evicted_at: float | None = None
    format: int = 1


class Cache:
    def __init__(self, home: Path, instance: str) -> None:
        self.folder = home / "cache" / instance

    def get(self, host_id: str) -> Remembered | None:
        """None if nothing is known, or can't be read any more."""
        if not is_id(host_id):
            return None
        try:
            return msgspec.json.decode((self.folder / f"{host_id}.json").read_bytes(), type=Remembered)
        except (OSError, ValueError):
            return None

    def all(self) -> list[Remembered]:
        """All hosts that are known."""
        paths = sorted(self.folder.glob("host-*.json")) if self.folder.is_dir() else []
        return [one for path in paths if (one := self.get(path.stem)) is not None]

    def plans(self) -> list[str]:
        """The cloud's plans, as last read: for completion, which asks nobody."""
        try:
            return (self.folder / "plans").read_text().split()
        except (OSError, ValueError):
            return []

    def put_plans(self, plans: Sequence[str]) -> None:
        if plans and [*plans] != self.plans():
            self._write("plans", "\n".join(plans).encode())

    def put(self, seen: Remembered) -> None:
        """Keeps `seen`, unless that is what is known already. A disk that is full is no reason to fail."""
        before = self.get(seen.record.id)
        same = before is not None and msgspec.structs.replace(before, at=seen.at) == seen
        if before is not None and same and abs(seen.at - before.at) < SEEN_S:
            return
        self._write(f"{seen.record.id}.json", encode(seen))

    def _write(self, name: str, content: bytes) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            path = self.folder / name
            part = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
            with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(content)
            os.replace(part, path)
        except OSError:
            pass

    def change(self, host_id: str, change: Callable[[Remembered], Remembered]) -> None:
        """Keeps what `change` makes of what is known, if anything is."""
        before = self.get(host_id)
        if before is not None:
            self.put(change(before))

    def drop(self, host_id: str) -> None:
        """Gone already is success."""
        if is_id(host_id):
            (self.folder / f"{host_id}.json").unlink(missing_ok=True)
