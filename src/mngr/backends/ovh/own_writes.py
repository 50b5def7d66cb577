"""What this process did to VPSs, and what it reads of OVH may not show yet: lists and tags lag behind writes.

One entry a service, the last thing done:

    Building   installed or about to be, for a host. Its tags count as written, also where a read lacks them.
    freed      cancelled, and nobody's (adopted or let go): a candidate of the next `take`, also where the list lacks it.
    refused    cancelled, nobody's, and it wouldn't be installed: this process doesn't take it again, whatever its tags say by then.

Nothing here outlives the process: after a kill, tags, the handle and markers say what there is.
"""

from typing import Literal

import msgspec


class Building(msgspec.Struct, frozen=True):
    """`image` is installed on it, for a host. `recycled`: it wasn't ordered for that host."""

    host_id: str
    image: str
    recycled: bool


Done = Building | Literal["freed", "refused"]


class OwnWrites:
    """The entries of one account. Safe to use from several threads: each method reads or writes one key."""

    def __init__(self) -> None:
        self._last: dict[str, Done] = {}

    def note(self, service: str, done: Done) -> None:
        """A refused service that is let go stays refused."""
        if not (done == "freed" and self.is_refused(service)):
            self._last[service] = done

    def forget_build(self, service: str) -> None:
        """It isn't ours to install any more. Repeatable."""
        if self.building(service) is not None:
            self._last.pop(service, None)

    def building(self, service: str) -> Building | None:
        found = self._last.get(service)
        return found if isinstance(found, Building) else None

    def is_refused(self, service: str) -> bool:
        return self._last.get(service) == "refused"

    def freed(self) -> set[str]:
        return {service for service, done in list(self._last.items()) if done == "freed"}
