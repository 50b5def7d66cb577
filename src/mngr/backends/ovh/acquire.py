"""How a create comes by its VPS: one that is paid for anyway, or one that is ordered, waited for, tagged, cancelled.

A create is killed anywhere and given its handle again, so it starts from where it stands. That is told from the
handle and the order's marker, once (`acquire`), and each state is a method:

    new        nothing is bought: recycle a VPS, else order one
    carted     a checkout may have been sent: find its order, or send it again
    ordered    the order's number is known, its marker is there: wait for the delivery
    delivered  the order names a VPS: tag it, cancel it, then drop the marker
    ours       the handle names a VPS, and no marker is left: see that it is still this host's

Each goes on to the next state, or ends the call: with the machine, or with None (not delivered yet).
"""

import contextlib

import msgspec

from mngr.backends.ovh import renewal
from mngr.backends.ovh.buying import delivery, lost_orders, order
from mngr.backends.ovh.buying.markers import cart_key, order_key
from mngr.backends.ovh.own_writes import Building
from mngr.backends.ovh.parts import CART, ID, ORDER, Parts
from mngr.backends.ovh.recycling import take
from mngr.backends.ovh.tags import locked_for
from mngr.backends.ovh.vps import Vps
from mngr.model.errors import NotFound
from mngr.model.progress import Progress, Step
from mngr.model.waiting import looks
from mngr.vps_docker import tags
from mngr.vps_docker.errors import MachineRefused, VpsProvisioningError
from mngr.vps_docker.vps_client import Handle, Machine, MachineSpec, Save

#: Told right before one is ordered, as none could be taken.
ORDERING = Step("order", "a new VPS")


def acquire(
    parts: Parts, spec: MachineSpec, handle: Handle, save: Save, progress: Progress
) -> Machine | None:
    """See VpsClientInterface.create. The VPS of an order is in the handle before it is tagged and cancelled, and its marker
    goes after that: while there is one, its delivery isn't finished."""
    its = _Acquisition(parts, spec, save, progress)
    number, service = int(handle.get(ORDER) or 0), handle.get(ID, "")
    if service and not (number and parts.markers.get(order_key(number))):
        return its.ours(service, number)
    if number:
        return its.ordered(number)
    return its.carted(handle[CART]) if handle.get(CART) else its.new()


class _Acquisition:
    """One create's steps. What a step saves is on disk before its next paid call."""

    def __init__(self, parts: Parts, spec: MachineSpec, save: Save, progress: Progress) -> None:
        self.parts = parts
        self.spec = spec
        self.save = save
        self.progress = progress

    def new(self, *, again: bool = False) -> Machine | None:
        """`again`: what an earlier call came by was given back, or is somebody else's by now."""
        parts, enabled = self.parts, self.parts.config.recycles
        if enabled or again:
            self.progress(Step("recycle"))
            vps = take.take(parts, self.spec, self.save, self.progress, own=not enabled)
            if vps is not None:
                self.progress(Step("recycle", f"{vps.name} is paid until {vps.renewal.expiration} already"))
                return _machine(vps)
        self.progress(ORDERING)
        return self.ordered(order.buy(parts, self.spec, self.spec.tags.get(tags.HOST_NAME, ""), self.save))

    def _afresh(self) -> Machine | None:
        self.save({ID: "", ORDER: "", CART: ""})
        return self.new(again=True)

    def carted(self, cart: str) -> Machine | None:
        """Killed around the checkout. Its order's marker may be there though the handle doesn't know it. A fresh start if
        the marker was settled: by `reconcile`, or as nothing was bought."""
        markers = self.parts.markers
        known = [one.order_id for one in markers.all() if one.cart_id == cart and one.order_id]
        if known:
            markers.remove(cart_key(cart))
            self.save({ORDER: str(known[0])})
            return self.ordered(known[0])
        marker = markers.get(cart_key(cart))
        if marker is None:
            return self._afresh()
        return self.ordered(order.recover(self.parts, marker, self.save))

    def ordered(self, number: int) -> Machine | None:
        parts = self.parts
        try:
            said, service = delivery.delivered(parts.client, number, self.spec.plan)
        except delivery.OrderCancelled:
            parts.markers.remove(order_key(number))
            raise
        if service:
            return self.delivered(number, service)
        delivery.refuse_stuck(number, said)
        self.progress(Step("delivery", f"order {number} is {said}", parts.config.vps_boot_timeout))
        return None

    def delivered(self, number: int, service: str) -> Machine | None:
        """Saved, tagged (its lease is the claim), then cancelled; only then its marker goes."""
        parts = self.parts
        try:
            vps = parts.reader.read(service)
        except NotFound:
            # A fresh one may not show for a while.
            return self._afresh() if self._has_ended(number) else None
        if not self._is_as_delivered(vps, number):
            parts.markers.remove(order_key(number))
            return self._afresh()
        self.progress(Step("delivery", f"{service} is there"))
        parts.own_writes.note(service, Building(self.spec.host_id, self.spec.image, recycled=False))
        self.save({ID: service})
        wanted = {**self.spec.tags, tags.UNTIL: str(int(parts.client.now()) + tags.LEASE_S)}
        parts.reader.patiently(lambda: parts.store.change(service, wanted))
        self.progress(Step("cancel", f"the renewal of {service}, until its host is made", renewal.INACTIVE_S))
        parts.reader.patiently(lambda: renewal.insist(parts.client, service, True))
        parts.markers.remove(order_key(number))
        return _machine(parts.reader.read_patiently(service), wanted)

    def ours(self, service: str, number: int) -> Machine | None:
        """`number` 0: it was recycled."""
        try:
            vps = self._still_ours(service, recycled=not number)
        except NotFound:
            if number and not self._has_ended(number):
                return None  # it doesn't show yet
            vps = None
        return self._afresh() if vps is None else _machine(vps)

    # --- what they rest on --------------------------------------------------------------------------------------

    def _is_as_delivered(self, vps: Vps, number: int) -> bool:
        """Whether what an order became is as it was delivered, or as we left it. False: mngr has recycled it meanwhile, or
        keeps it for whoever claims it. Raises VpsProvisioningError if it is somebody else's."""
        parts, owner = self.parts, tags.read(vps.tags)
        marker = parts.markers.get(order_key(number))
        older = vps.renewal.older_than(marker.at if marker else 0.0)
        if older or (owner.provider and owner.provider != parts.instance):
            whose = "was there before that order" if older else f"is of provider instance {owner.provider}"
            raise VpsProvisioningError(
                f"OVH's order {number} names {vps.name}, which {whose}: it isn't taken",
                hint="`mngr ovh list --all` shows what nobody uses; `mngr ovh adopt` takes it by your word",
            )
        free = vps.renewal.cancelled and (not marker or (owner.provider and vps.released(parts.client.now())))
        return not free and not owner.ready and owner.host_id in ("", self.spec.host_id)

    def _still_ours(self, service: str, *, recycled: bool) -> Vps | None:
        """The VPS, if its tags still say that it is this host's and its lease runs. Raises NotFound if OVH doesn't show it
        for as long as its lists are late."""
        parts, host_id = self.parts, self.spec.host_id
        since = parts.clock.monotonic()
        vps = parts.reader.read_patiently(service)
        if parts.own_writes.building(service):
            return vps
        if not parts.is_for(vps.tags, host_id):  # what the killed call wrote may not show yet
            parts.clock.sleep(parts.config.tag_lag)
            vps = parts.reader.read(service)
        owner, now = tags.read(vps.tags), parts.client.now()
        locked = locked_for(vps.tags, now + tags.MARGIN_S) == host_id
        if (
            parts.own_writes.is_refused(service)
            or vps.released(now)
            or not (locked or owner.host_id == host_id)
        ):
            return None
        if owner.until is not None and now + tags.MARGIN_S > owner.until and not owner.ready:
            # Too short to work under, too long for others to claim it: until it is anybody's.
            parts.clock.sleep(owner.until + tags.MARGIN_S - now + 1)
            parts.own_writes.note(service, "freed")
            return None
        half_won = locked and owner.host_id != host_id  # its marks weren't written to their end
        if half_won and not take.mark(parts, service, self.spec, vps.tags, since):
            return None
        if not vps.renewal.cancelled and not owner.ready:
            renewal.insist(parts.client, service, True)
        parts.own_writes.note(service, Building(host_id, self.spec.image, recycled=recycled))
        for marker in parts.markers.all():
            if marker.host_id == host_id and marker.order_id:
                parts.markers.remove(marker.key)
        return vps

    def _has_ended(self, number: int) -> bool:
        """Whether an order's VPS, which OVH doesn't know, has ended, rather than isn't shown yet; then its marker goes."""
        parts = self.parts
        marker = parts.markers.get(order_key(number))
        try:
            at = marker.at if marker else lost_orders.date(parts, number)
        except NotFound:
            return False
        if parts.client.now() - at < lost_orders.ENDED_S:
            return False
        parts.markers.remove(order_key(number))
        return True


def insist_on(parts: Parts, service: str, host_id: str) -> None:
    """Right before what wipes it: raises MachineRefused unless the VPS's tags say that it is ours, and for longer than a
    call may take. Our own writes may not show for `tag_lag`."""
    for _ in looks(parts.clock, parts.config.tag_lag):
        with contextlib.suppress(NotFound):
            if take.holds(parts, parts.store.read(service), host_id):
                return
    parts.own_writes.forget_build(service)
    raise MachineRefused(f"{service} isn't reserved for this host any more, and wasn't touched")


def _machine(vps: Vps, written: dict[str, str] | None = None) -> Machine:
    """For the builder, which waits until it runs: one that is off is installed, and thereby started. `written`: tags of
    ours that may not show yet."""
    machine = vps.machine()
    state = "running" if vps.state == "stopped" else machine.state
    return msgspec.structs.replace(machine, state=state, tags={**machine.tags, **(written or {})})
