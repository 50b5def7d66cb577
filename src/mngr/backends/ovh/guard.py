"""Nothing is written on a VPS after what was read of it may have become untrue: a process may stand still anywhere."""

from collections.abc import Callable, Iterable, Mapping

from mngr.backends.ovh import renewal
from mngr.backends.ovh.parts import Parts


class Guard:
    """Made before a VPS is read. `ours`: whether its tags, as they are by now, still let us write on it.

    Who takes a VPS waits for 2Δ + W first (claim.py), so what was read counts for so long, and after that is read
    again. What remains: a process that stands still after the last look, inside the call that writes.
    """

    def __init__(self, parts: Parts, service: str, ours: Callable[[Mapping[str, str]], bool]) -> None:
        self.parts = parts
        self.service = service
        self.ours = ours
        self.read_at = parts.clock.monotonic()

    def holds(self) -> bool:
        """Raises NotFound, VpsApiError."""
        now = self.parts.clock.monotonic()
        if now - self.read_at <= self.parts.recycler.rules.wait:
            return True
        self.read_at = now
        return self.ours(self.parts.store.read(self.service))

    def change(self, put: Mapping[str, str], drop: Iterable[str] = ()) -> bool:
        """Tag by tag. False as soon as it doesn't hold; then the rest isn't written."""
        for key, value in put.items():
            if not self.holds():
                return False
            self.parts.store.put(self.service, key, value)
        for key in drop:
            if not self.holds():
                return False
            self.parts.store.drop(self.service, key)
        return True

    def cancel(self) -> bool:
        """renewal.cancel; False also if it doesn't hold."""
        return renewal.cancel(self.parts.client, self.service, self.holds)
