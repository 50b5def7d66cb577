"""How a create comes by its VPS: one that is paid for anyway, or one that is ordered, waited for, tagged, cancelled."""

import contextlib

import msgspec

from mngr.backends.ovh import renewal
from mngr.backends.ovh.buying import delivery
from mngr.backends.ovh.buying.lost_orders import ENDED_S
from mngr.backends.ovh.parts import CART, CLAIM_ON, ID, ORDER, Build, Parts
from mngr.backends.ovh.recycling.take import Notes
from mngr.backends.ovh.tags import locked_for
from mngr.backends.ovh.vps import Vps, patiently
from mngr.model.errors import NotFound
from mngr.model.progress import Step
from mngr.model.waiting import looks
from mngr.vps_docker import tags
from mngr.vps_docker.errors import MachineRefused, VpsProvisioningError
from mngr.vps_docker.vps_client import Handle, Machine, MachineSpec, Save


def acquire(parts: Parts, spec: MachineSpec, handle: Handle, save: Save) -> Machine | None:
    """See VpsClientInterface.create."""
    return _acquire(parts, spec, handle, save, resumed=False)


def _acquire(parts: Parts, spec: MachineSpec, handle: Handle, save: Save, *, resumed: bool) -> Machine | None:
    """`resumed`: what an earlier call made of this was given back, or isn't ours any more: a fresh start."""

    def afresh() -> Machine | None:
        save({ID: "", ORDER: "", CART: ""})
        return _acquire(parts, spec, {}, save, resumed=True)

    pending = parts.markers.get(f"order-{handle.get(ORDER)}")
    if handle.get(ID) and not pending:
        try:
            vps = _mine(parts, handle[ID], spec, recycled=not handle.get(ORDER))
        except NotFound:
            if handle.get(ORDER) and not _has_ended(parts, int(handle[ORDER])):
                return None  # it doesn't show yet
            vps = None
        return afresh() if vps is None else _machine(vps)
    if handle.get(ORDER) or handle.get(CART):
        order = _known_order(parts, handle, save)
        if not order:
            return afresh()  # its marker was settled
    else:
        recycled = _recycle(parts, spec, save, resumed=resumed)
        if recycled is not None:
            return recycled
        parts.tell(Step("order"))
        order = parts.buyer.buy(spec, spec.tags.get(tags.HOST_NAME, ""), save)
    service = _delivered(parts, order, spec)
    if service is None:
        return None
    try:
        vps = parts.reader.read(service)
    except NotFound:
        return afresh() if _has_ended(parts, order) else None  # a fresh one may not show for a while
    if _is_fresh(parts, vps, order, spec):
        return _adopt(parts, vps, order, spec, save)
    parts.markers.remove(f"order-{order}")
    return afresh()


def _recycle(parts: Parts, spec: MachineSpec, save: Save, *, resumed: bool) -> Machine | None:
    config = parts.config
    enabled = config.enable_recycle_cancelled and config.recycle_max_candidates_considered
    if not enabled and not resumed:
        return None
    parts.tell(Step("recycle"))

    def won(service: str) -> None:
        parts.building[service] = Build(spec.host_id, spec.image, recycled=True)
        save({ID: service})

    def lost(service: str) -> None:
        parts.building.pop(service, None)
        save({ID: ""})

    notes = Notes(tell=parts.tell, claiming=lambda service: save({CLAIM_ON: service}), won=won, lost=lost)
    vps = parts.recycler.take(spec, notes, own=not enabled)
    if vps is None:
        return None
    parts.tell(Step("recycle", f"{vps.name} is paid until {vps.renewal.expiration} already"))
    return _machine(vps)


def _known_order(parts: Parts, handle: Handle, save: Save) -> int:
    """That of an earlier, killed call; 0 if reconcile saw to it, or it was never made."""
    if handle.get(ORDER):
        return int(handle[ORDER])
    # Killed around the checkout. Its order's marker may be there though the handle doesn't know it.
    known = [one for one in parts.markers.all() if one.cart_id == handle[CART] and one.order_id]
    if known:
        parts.markers.remove(f"cart-{handle[CART]}")
        save({ORDER: str(known[0].order_id)})
        return known[0].order_id
    marker = parts.markers.get(f"cart-{handle[CART]}")
    return parts.buyer.recover(marker, save) if marker is not None else 0


def _delivered(parts: Parts, order: int, spec: MachineSpec) -> str | None:
    try:
        now, service = delivery.delivered(parts.client, order, spec.plan)
    except delivery.OrderCancelled:
        parts.markers.remove(f"order-{order}")
        raise
    if service:
        return service
    delivery.refuse_stuck(order, now)
    parts.tell(Step("delivery", f"order {order} is {now}", parts.config.vps_boot_timeout))
    return None


def _is_fresh(parts: Parts, vps: Vps, order: int, spec: MachineSpec) -> bool:
    """Whether what an order became is as it was delivered, or as we left it. False: mngr has recycled it meanwhile, or
    keeps it for whoever claims it. Raises VpsProvisioningError if it is somebody else's."""
    owner = tags.read(vps.tags)
    marker = parts.markers.get(f"order-{order}")
    older = vps.renewal.older_than(marker.at if marker else 0.0)
    if older or (owner.provider and owner.provider != parts.instance):
        whose = "was there before that order" if older else f"is of provider instance {owner.provider}"
        raise VpsProvisioningError(
            f"OVH's order {order} names {vps.name}, which {whose}: it isn't taken",
            hint="`mngr ovh list --all` shows what nobody uses; `mngr ovh adopt` takes it by your word",
        )
    free = vps.renewal.cancelled and (not marker or (owner.provider and vps.released(parts.client.now())))
    return not free and not owner.ready and owner.host_id in ("", spec.host_id)


def _adopt(parts: Parts, fresh: Vps, order: int, spec: MachineSpec, save: Save) -> Machine:
    """A fresh VPS: noted, tagged (its lease is the claim), then cancelled; only then its marker goes."""
    service = fresh.name
    parts.tell(Step("delivery", f"{service} is there"))
    parts.building[service] = Build(spec.host_id, spec.image, recycled=False)
    save({ID: service})
    until = {tags.UNTIL: str(int(parts.client.now()) + tags.LEASE_S)}
    clock, lag = parts.clock, parts.config.list_lag
    patiently(clock, lag, lambda: parts.store.change(service, {**spec.tags, **until}))
    parts.tell(Step("cancel", f"the renewal of {service}, until its host is made", renewal.INACTIVE_S))
    patiently(clock, lag, lambda: renewal.insist(parts.client, clock, service, True))
    parts.markers.remove(f"order-{order}")
    return _machine(parts.reader.read_patiently(service, clock, lag), {**spec.tags, **until})


def _mine(parts: Parts, service: str, spec: MachineSpec, *, recycled: bool) -> Vps | None:
    """The VPS of an earlier, killed call, if its tags still say that it is this host's and its lease runs. Raises NotFound
    if OVH doesn't show it for as long as its lists are late."""
    since = parts.clock.monotonic()
    vps = parts.reader.read_patiently(service, parts.clock, parts.config.list_lag)
    if service in parts.building:
        return vps
    if not parts.is_for(vps.tags, spec.host_id):  # what the killed call wrote may not show yet
        parts.clock.sleep(parts.config.tag_lag)
        vps = parts.reader.read(service)
    owner, now = tags.read(vps.tags), parts.client.now()
    locked = locked_for(vps.tags, now + tags.MARGIN_S) == spec.host_id
    if (
        service in parts.recycler.refused
        or vps.released(now)
        or not (locked or owner.host_id == spec.host_id)
    ):
        return None
    if owner.until is not None and now + tags.MARGIN_S > owner.until and not owner.ready:
        # Too short to work under, too long for others to claim it: until it is anybody's.
        parts.clock.sleep(owner.until + tags.MARGIN_S - now + 1)
        parts.recycler.freed.add(service)
        return None
    half_won = locked and owner.host_id != spec.host_id  # its marks weren't written to their end
    if half_won and not parts.recycler.own(service, spec, vps.tags, since):
        return None
    if not vps.renewal.cancelled and not owner.ready:
        renewal.insist(parts.client, parts.clock, service, True)
    parts.building[service] = Build(spec.host_id, spec.image, recycled)
    for marker in parts.markers.all():
        if marker.host_id == spec.host_id and marker.order_id:
            parts.markers.remove(marker.key)
    return vps


def _has_ended(parts: Parts, order: int) -> bool:
    """Whether an order's VPS, which OVH doesn't know, has ended, rather than isn't shown yet; then its marker goes."""
    marker = parts.markers.get(f"order-{order}")
    try:
        at = marker.at if marker else parts.lost.date(order)
    except NotFound:
        return False
    if parts.client.now() - at < ENDED_S:
        return False
    parts.markers.remove(f"order-{order}")
    return True


def insist_on(parts: Parts, service: str) -> None:
    """Right before what wipes it: raises MachineRefused unless the VPS's tags say that it is ours, and for longer than a
    call may take. Our own writes may not show for `tag_lag`."""
    host_id = parts.building[service].host_id
    for _ in looks(parts.clock, parts.config.tag_lag):
        with contextlib.suppress(NotFound):
            if parts.recycler.holds(parts.store.read(service), host_id):
                return
    parts.building.pop(service, None)
    raise MachineRefused(f"{service} isn't reserved for this host any more, and wasn't touched")


def _machine(vps: Vps, shown: dict[str, str] | None = None) -> Machine:
    """For the builder, which waits until it runs: one that is off is installed, and thereby started. `shown`: what we
    wrote on it and may not show yet."""
    machine = vps.machine()
    state = "running" if vps.state == "stopped" else machine.state
    return msgspec.structs.replace(machine, state=state, tags={**machine.tags, **(shown or {})})
