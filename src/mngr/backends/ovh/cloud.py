"""OVH's VPSs as a Cloud: paid by the month, delivered minutes after the order, cancelled rather than deleted.

A VPS is "gone" for mngr once its renewal is cancelled and no host or builder is on it: it runs to the end of what is
paid, and waits to be recycled. A fresh one is tagged and cancelled at once; `keep` takes the cancellation back, and
is called when the host's record is durable. So whatever is killed in between ends at the month's end by itself.
`acquire`, `release` and `buying.reconcile` have the long stories.
"""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from mngr.backends.ovh import acquire, offers, release, renewal
from mngr.backends.ovh.buying import delivery, reconcile
from mngr.backends.ovh.buying.markers import Marker
from mngr.backends.ovh.client import OvhClient
from mngr.backends.ovh.config import OvhConfig
from mngr.backends.ovh.install import Installer
from mngr.backends.ovh.parts import Parts
from mngr.backends.ovh.recycling import take
from mngr.backends.ovh.tags import RECYCLING_BY, is_being_claimed
from mngr.backends.ovh.vps import Vps
from mngr.containers.access import Access
from mngr.model.background import begin
from mngr.model.clock import within
from mngr.model.errors import MngrError, NotFound, TimedOut
from mngr.model.progress import Progress, Step
from mngr.model.swept import Found
from mngr.model.views import Offer, Spare
from mngr.model.waiting import looks
from mngr.vps_docker import tags
from mngr.vps_docker.errors import MachineRefused, VpsApiError, VpsProvisioningError
from mngr.vps_docker.http import segment
from mngr.vps_docker.vps_client import (
    Caps,
    Gone,
    Handle,
    Later,
    Machine,
    MachineSpec,
    Save,
    VpsClientInterface,
)

POWER_TIMEOUT_S = 180.0
#: So long at most a price waits for the look at VPSs that are paid for.
LOOK_S = 8.0


class OvhCloud(VpsClientInterface):
    """One OVH account. `instance`: the provider instance whose tags are ours."""

    def __init__(self, instance: str, client: OvhClient, config: OvhConfig, folder: Path) -> None:
        """`folder`: the instance's own (Context.folder)."""
        self.parts = Parts(instance, client, config, folder)
        self.first = Installer(client, Access(folder), config)
        self.spares: list[Spare] = []  #: that the last look at ours saw waiting to be recycled
        self.caps = Caps(
            list_lag_s=config.list_lag, billing="monthly", user_data=False, outlives_release=True
        )

    # --- making -------------------------------------------------------------------------------------------------

    def check(self, spec: MachineSpec) -> Offer:
        """See VpsClientInterface. Meanwhile it looks for a VPS that would be taken instead; in vain counts as there being none."""
        spare = begin(lambda: self._likely(spec)) if self.parts.config.recycles else lambda: None
        offer = offers.check(self.parts.client, self.parts.config, spec, self.have_read)
        return msgspec.structs.replace(offer, spare=spare())

    def _likely(self, spec: MachineSpec) -> Spare | None:
        with within(LOOK_S), contextlib.suppress(NotFound, VpsApiError):
            vps = take.likely(self.parts, spec)
            return self._spare(vps) if vps else None

    def _spare(self, vps: Vps) -> Spare:
        return Spare(
            provider=self.parts.instance, machine=vps.name, plan=vps.plan, region=vps.datacenter,
            paid_until=vps.renewal.expiration,
        )  # fmt: skip

    def create(self, spec: MachineSpec, handle: Handle, save: Save, progress: Progress) -> Machine | None:
        return acquire.acquire(self.parts, spec, handle, save, progress)

    def bootstrap(self, machine: Machine, progress: Progress) -> str:
        """The host key that was seen first, once root's login works and qemu is purged.

        Raises MachineRefused if a recycled VPS won't be installed; it is given back then, and passed over by `create`. Also
        if a VPS isn't ours (any more), as it is read right before each order of an installation; that one isn't touched.
        """
        build = self.parts.own_writes.building(machine.id)
        try:
            check = (lambda: acquire.insist_on(self.parts, machine.id, build.host_id)) if build else None
            self.first.install(machine.id, build.image if build else "", progress, check)
        except MachineRefused:
            raise
        except (TimedOut, VpsProvisioningError) as error:
            if build is None or not build.recycled:
                raise
            release.give_back(self.parts, machine.id, build.host_id)
            raise MachineRefused(error.message, hint=error.hint, details=error.details) from error
        return self.first.open(machine, progress)

    def keep(self, id: str, progress: Progress) -> None:
        """From now on the VPS renews. Raises TimedOut, VpsApiError."""
        progress(Step("renew", f"take back the cancellation of {id}", renewal.INACTIVE_S))
        renewal.insist(self.parts.client, id, False)
        self.parts.store.drop(id, RECYCLING_BY)

    # --- looking ------------------------------------------------------------------------------------------------

    def find(self, owner: dict[str, str]) -> list[Machine]:
        """Read one by one, as OVH's list is older than what a VPS itself shows. What waits to be recycled isn't
        anybody's machine. One that is listed and, as OVH says, not there has ended only if OVH goes on saying so."""
        rows = [name for name, found in self.parts.store.rows() if owner.items() <= found.items()]
        return self._read(rows, lambda vps: owner.items() <= vps.tags.items())

    def find_ours(self, is_ours: Callable[[str, Mapping[str, str]], bool]) -> list[Machine]:
        """As `find`. VPSs without a tag of ours aren't read; one that is claimed, and has no host yet, is nobody's."""
        rows = [name for name, found in self.parts.store.rows() if is_ours("", found)]
        return self._read(rows, lambda vps: is_ours("", vps.tags) and not is_being_claimed(vps.tags))

    def account(self) -> str:
        """The customer's handle, and where: the same handle at another endpoint is another account."""
        client = self.parts.client
        return f"{client.me().get('nichandle') or ''} at {client.where}".removeprefix(" at ")

    def _read(self, names: Sequence[str], wanted: Callable[[Vps], bool]) -> list[Machine]:
        now = self.now()
        read = [vps for vps in self.parts.reader.read_all(names) if wanted(vps)]
        waiting = [vps for vps in read if vps.released(now) and take.is_paid(self.parts, vps.renewal, now)]
        self.spares = [self._spare(vps) for vps in waiting]
        return [vps.machine() for vps in read if not vps.released(now)]

    def get(self, id: str) -> Machine:
        vps = self.parts.reader.read_patiently(id)
        released = self.parts.own_writes.building(id) is None and vps.released(self.now())
        return msgspec.structs.replace(vps.machine(), released=released)

    def now(self) -> float:
        return self.parts.client.now()

    def order_state(self, marker: Marker) -> str:
        """What OVH says of a pending order, for people to read. Never raises MngrError."""
        if not marker.order_id:
            return "not known to be ordered"
        try:
            said = delivery.status(self.parts.client, marker.order_id)
        except MngrError as error:
            return error.message
        return delivery.SAID.get(said, said)

    # --- changing -----------------------------------------------------------------------------------------------

    def power(self, id: str, on: bool) -> None:
        wanted = "running" if on else "stopped"
        path = f"/vps/{segment(id)}"
        asked = False
        for _ in looks(self.parts.clock, POWER_TIMEOUT_S, most=5):
            now = self.parts.reader.state(id)
            if now == wanted:
                return
            if not asked and now in ("running", "stopped"):
                try:
                    self.parts.client.post(f"{path}/{'start' if on else 'stop'}", repeat=True)
                    asked = True
                except MngrError as error:
                    if getattr(error, "status", 0) not in (400, 409):  # busy with a task: asked again
                        raise
        raise TimedOut(
            f"VPS {id} isn't {wanted} {POWER_TIMEOUT_S:g} s after OVH was asked to make it so",
            hint="look at it on OVH's page",
        )

    def tag(self, id: str, put: dict[str, str], drop: Sequence[str] = ()) -> None:
        self.parts.store.change(id, put, drop)

    # --- letting go ---------------------------------------------------------------------------------------------

    def release(self, spec: MachineSpec, handle: Handle) -> Gone | Later:
        found = [machine.id for machine in self.find({tags.HOST_ID: spec.host_id})]
        return release.release(self.parts, found, spec, handle)

    def reconcile(
        self, *, dry_run: bool = False, warn: Callable[[str], None] = lambda text: None, but: str = ""
    ) -> list[Found]:
        """Sees to orders that nobody waits for any more, but those of host id `but`; what was done. Never raises
        MngrError."""
        return reconcile.reconcile(self.parts, dry_run=dry_run, warn=warn, but=but)
