"""The fence re-reads a VPS's tags before each write if the last read is stale, as this process may have been suspended."""

from collections.abc import Callable, Iterable, Mapping

from mngr.backends.ovh import renewal
from mngr.backends.ovh.parts import Parts


class Fence:
    """A read counts for as long as a claimant waits before it takes a VPS (claim.py: 2Δ + W); after that the tags are read
    again, and `ours` says whether they still let us write. `since`: when the VPS was read, by the steady clock (default: it
    will be next). Not excluded: a process that is suspended between its last read and the call that writes.
    """

    def __init__(
        self,
        parts: Parts,
        service: str,
        ours: Callable[[Mapping[str, str]], bool],
        since: float | None = None,
    ) -> None:
        self.parts = parts
        self.service = service
        self.ours = ours
        self.read_at = parts.clock.monotonic() if since is None else since

    def holds(self) -> bool:
        """Raises NotFound, VpsApiError."""
        now = self.parts.clock.monotonic()
        if now - self.read_at <= self.parts.rules.wait:
            return True
        self.read_at = now
        return self.ours(self.parts.store.read(self.service))

    def change(self, put: Mapping[str, str], drop: Iterable[str] = ()) -> bool:
        """Tag by tag. False as soon as it doesn't hold; then the rest isn't written."""
        store, service = self.parts.store, self.service
        for key, value in put.items():
            if not self.holds():
                return False
            store.put(service, key, value)
        for key in drop:
            if not self.holds():
                return False
            store.drop(service, key)
        return True

    def cancel(self) -> bool:
        """renewal.cancel; False also if it doesn't hold."""
        return renewal.cancel(self.parts.client, self.service, self.holds)
