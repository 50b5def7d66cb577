"""The fence re-reads a VPS's tags before each write if the last read is stale, as this process may have been suspended."""

from collections.abc import Callable, Iterable, Mapping

from mngr.backends.ovh import renewal
from mngr.backends.ovh.client import OvhClient
from mngr.backends.ovh.tags import TagStore
from mngr.model.clock import Clock


class Fence:
    """`within`: seconds for which a read counts; after that the tags are read again, and `ours` says whether they still let us
    write. `since`: when the VPS was read, by the steady clock (default: it will be next).

    A claimant waits for 2Δ + W before it takes a VPS (claim.py), so `within` is that. Not excluded: a process that is
    suspended between its last read and the call that writes.
    """

    def __init__(
        self,
        client: OvhClient,
        store: TagStore,
        clock: Clock,
        within: float,
        service: str,
        ours: Callable[[Mapping[str, str]], bool],
        *,
        since: float | None = None,
    ) -> None:
        self.client = client
        self.store = store
        self.clock = clock
        self.within = within
        self.service = service
        self.ours = ours
        self.read_at = clock.monotonic() if since is None else since

    def holds(self) -> bool:
        """Raises NotFound, VpsApiError."""
        now = self.clock.monotonic()
        if now - self.read_at <= self.within:
            return True
        self.read_at = now
        return self.ours(self.store.read(self.service))

    def change(self, put: Mapping[str, str], drop: Iterable[str] = ()) -> bool:
        """Tag by tag. False as soon as it doesn't hold; then the rest isn't written."""
        for key, value in put.items():
            if not self.holds():
                return False
            self.store.put(self.service, key, value)
        for key in drop:
            if not self.holds():
                return False
            self.store.drop(self.service, key)
        return True

    def cancel(self) -> bool:
        """renewal.cancel; False also if it doesn't hold."""
        return renewal.cancel(self.client, self.service, self.holds)
