"""Orders that aren't hosts yet, on disk: `<profile>/providers/ovh/<instance>/pending_orders/`.

    cart-<id>.json      written before checkout: a purchase whose answer may be lost
    order-<N>.json      written as soon as the number is known, before the wait; gone once the VPS is tagged and
                        cancelled, or OVH says that the order was cancelled

Whoever works on one holds a flock on its `.lock`, which its process's death frees.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from mngr.config.home import write_private


class Marker(msgspec.Struct, frozen=True, kw_only=True):
    """`at`: OVH's time, in seconds, just before the checkout; `again`: before its repetition, if there was one.
    `order_id` 0: not known (yet)."""

    plan_code: str
    region: str
    host_id: str = ""
    host_name: str = ""
    cart_id: str = ""
    order_id: int = 0
    at: float = 0.0
    again: float = 0.0

    @property
    def last(self) -> float:
        """When its checkout was sent for the last time."""
        return max(self.at, self.again)

    @property
    def key(self) -> str:
        return order_key(self.order_id) if self.order_id else cart_key(self.cart_id)

    @property
    def what(self) -> str:
        """For people."""
        return f"order {self.order_id}" if self.order_id else f"checkout of cart {self.cart_id}"


def order_key(order: int) -> str:
    return f"order-{order}"


def cart_key(cart: str) -> str:
    return f"cart-{cart}"


class Broken(msgspec.Struct, frozen=True):
    path: str
    why: str


class Markers:
    """The markers of one provider instance on this computer."""

    def __init__(self, instance: Path) -> None:
        self.folder = instance / "pending_orders"

    def all(self) -> list[Marker]:
        return [one for one in self._read() if isinstance(one, Marker)]

    def broken(self) -> list[Broken]:
        """Files that can't be read: shown, never removed."""
        return [one for one in self._read() if isinstance(one, Broken)]

    def get(self, key: str) -> Marker | None:
        return next((one for one in self.all() if one.key == key), None)

    def write(self, marker: Marker) -> None:
        """On disk (fsynced) when this returns."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self.path(marker.key)
        write_private(path, msgspec.json.format(msgspec.json.encode(marker), indent=1).decode() + "\n")
        for place in (path, self.folder):
            fd = os.open(place, os.O_RDONLY)
            try:
                os.fsync(fd)
            finally:
                os.close(fd)

    def remove(self, key: str) -> None:
        """Repeatable."""
        self.path(key).unlink(missing_ok=True)

    @contextmanager
    def hold(self, host_id: str) -> Iterator[bool]:
        """Holds what one host's orders are worked on with; yields False, at once, if somebody else does."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        fd = os.open(
            self.folder / f".{host_id or 'adopted'}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
        )
        try:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield True
            if not any(one.host_id == host_id for one in self.all()):
                (self.folder / f".{host_id or 'adopted'}.lock").unlink(missing_ok=True)
        finally:
            os.close(fd)

    def path(self, key: str) -> Path:
        return self.folder / f"{key}.json"

    def _read(self) -> list[Marker | Broken]:
        found: list[Marker | Broken] = []
        for path in sorted(self.folder.glob("*.json")) if self.folder.is_dir() else []:
            try:
                marker = msgspec.json.decode(path.read_bytes(), type=Marker)
                found.append(
                    marker if marker.key == path.stem else Broken(str(path), f"it speaks of {marker.key}")
                )
            except FileNotFoundError:
                continue
            except (ValueError, OSError) as error:
                found.append(Broken(str(path), str(error)))
        return found
