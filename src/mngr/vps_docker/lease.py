"""A builder's lease on the machine it builds: the tag `mngr-until`, in the cloud's time, renewed meanwhile.

A sweep, on whatever computer, leaves a machine alone until its lease has passed. A builder whose lease has passed
(its computer slept, its network was gone) must not go on: the machine may be somebody's to release by now.
"""

import threading
from types import TracebackType

from mngr.model.errors import MngrError
from mngr.vps_docker import tags
from mngr.vps_docker.errors import VpsProvisioningError
from mngr.vps_docker.vps_client import Machine, VpsClientInterface

#: How often the background thread looks whether it is time to renew, in seconds.
LOOK_EVERY_S = 20.0


class Lease:
    """Held in a `with` while a machine is built; renews in the background, so that long steps keep it too."""

    def __init__(self, cloud: VpsClientInterface, machine: Machine, wanted: dict[str, str]) -> None:
        """`wanted`: the tags of a machine being built (tags.building), with a fresh `mngr-until`."""
        self._cloud = cloud
        self._id = machine.id
        self._wanted = wanted
        self._seen = dict(machine.tags)
        self._until = machine.owner.until or 0.0
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)

    def __enter__(self) -> "Lease":
        rest = {key: value for key, value in self._wanted.items() if key != tags.UNTIL}
        if not self._until or not rest.items() <= self._seen.items():
            self._cloud.tag(self._id, self._wanted)
            self._until = float(self._wanted[tags.UNTIL])
        self._renew_if_due()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def finish(self) -> None:
        """Renews no more. Raises as `check` if that was too late; else two minutes are left to tag it ready."""
        self.check()
        self._end()

    def confirm(self) -> None:
        """After the machine was tagged ready: raises VpsProvisioningError unless that was done before anybody could
        have read that it was abandoned (who released it may just not have come to it yet)."""
        if self._cloud.now() > self._until + tags.MARGIN_S:
            raise VpsProvisioningError(
                f"machine {self._id} was tagged as ready too late: another computer may be releasing it",
                hint="this computer or the cloud was slow for minutes; run the command again",
            )

    def _end(self) -> None:
        self._stop.set()
        with self._lock:  # a renewal under way mustn't come after what the caller does next
            pass

    def check(self) -> None:
        """Raises VpsProvisioningError if the machine may be somebody else's by now. Renews what is about to end."""
        if self._cloud.now() > self._until - tags.MARGIN_S:
            raise VpsProvisioningError(
                f"machine {self._id} was set up for longer than its reservation lasted",
                hint="this computer slept or was offline for minutes; run the command again",
            )
        self._renew_if_due()

    def _renew_if_due(self) -> None:
        with self._lock:
            now = self._cloud.now()
            if (
                self._stop.is_set()
                or now > self._until - tags.MARGIN_S
                or self._until - now > tags.RENEW_BELOW_S
            ):
                return
            until = int(now) + tags.LEASE_S
            self._cloud.tag(self._id, {tags.UNTIL: str(until)})
            self._until = until

    def _keep(self) -> None:
        while not self._stop.wait(LOOK_EVERY_S):
            try:
                self._renew_if_due()
            except MngrError:
                continue  # tried again at the next look; check() tells when it is too late
