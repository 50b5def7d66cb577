"""How a create comes by its VPS: one that is paid for anyway, or one that is ordered, waited for, tagged, cancelled."""

import msgspec

from mngr.backends.ovh import delivery, renewal
from mngr.backends.ovh.parts import CART, CLAIM_ON, ID, ORDER, Build, Parts
from mngr.backends.ovh.recycle import Notes
from mngr.backends.ovh.tags import locked_for
from mngr.backends.ovh.vps import Vps
from mngr.model.errors import NotFound
from mngr.providers.contract import Handle, Machine, MachineSpec, Save
from mngr.vps_docker import tags


def acquire(parts: Parts, spec: MachineSpec, handle: Handle, save: Save) -> Machine | None:
    """See contract.Cloud.create."""
    if handle.get(ID):
        vps = _mine(parts, handle[ID], spec, recycled=not handle.get(ORDER))
        if vps is not None:
            return _machine(vps)
        save({ID: "", ORDER: "", CART: ""})  # given back, or somebody else's by now: a fresh start
        handle = {}
    if not handle.get(ORDER) and not handle.get(CART):
        recycled = _recycle(parts, spec, save)
        if recycled is not None:
            return recycled
    order = _order(parts, spec, handle, save)
    service = _delivered(parts, order, spec)
    return None if service is None else _adopt(parts, service, order, spec, save)


def _recycle(parts: Parts, spec: MachineSpec, save: Save) -> Machine | None:
    config = parts.config
    if not config.enable_recycle_cancelled or not config.recycle_max_candidates_considered:
        return None
    parts.tell("recycle")

    def won(service: str) -> None:
        parts.building[service] = Build(spec.image, recycled=True)
        save({ID: service})

    notes = Notes(tell=parts.tell, claiming=lambda service: save({CLAIM_ON: service}), won=won)
    vps = parts.recycler.take(spec, notes)
    if vps is None:
        save({ID: ""})
        return None
    return _machine(vps)


def _order(parts: Parts, spec: MachineSpec, handle: Handle, save: Save) -> int:
    if handle.get(ORDER):
        return int(handle[ORDER])
    if handle.get(CART):
        # Killed around the checkout. Its order's marker may be there though the handle doesn't know it.
        known = [one for one in parts.markers.all() if one.cart_id == handle[CART] and one.order_id]
        if known:
            save({ORDER: str(known[0].order_id)})
            return known[0].order_id
        marker = parts.markers.get(f"cart-{handle[CART]}")
        if marker is not None:
            return parts.buyer.recover(marker, save)
    parts.tell("order")
    return parts.buyer.buy(spec, spec.tags.get(tags.HOST_NAME, ""), save)


def _delivered(parts: Parts, order: int, spec: MachineSpec) -> str | None:
    try:
        now, service = delivery.delivered(parts.client, order, spec.plan)
    except delivery.OrderCancelled:
        parts.markers.remove(f"order-{order}")
        raise
    if service:
        return service
    delivery.refuse_stuck(order, now)
    parts.tell(f"delivery (order {order} is {now}, at most {parts.config.vps_boot_timeout:g} s)")
    return None


def _adopt(parts: Parts, service: str, order: int, spec: MachineSpec, save: Save) -> Machine:
    """A fresh VPS: noted, tagged (its lease is the claim), then cancelled; only then its marker goes."""
    parts.tell(f"delivered: {service}")
    parts.building[service] = Build(spec.image, recycled=False)
    save({ID: service})
    until = {tags.UNTIL: str(int(parts.client.now()) + tags.LEASE_S)}
    parts.store.change(service, {**spec.tags, **until})
    parts.tell(f"cancel the renewal of {service} until its host is made")
    renewal.insist(parts.client, parts.clock, service, True)
    parts.markers.remove(f"order-{order}")
    return _machine(parts.reader.read(service), {**spec.tags, **until})


def _mine(parts: Parts, service: str, spec: MachineSpec, *, recycled: bool) -> Vps | None:
    """The VPS of an earlier, killed call, if its tags still say that it is this host's and its lease runs."""
    try:
        vps = parts.reader.read(service)
    except NotFound:
        return None
    owner = tags.read(vps.tags)
    if service in parts.building:
        return vps
    now = parts.client.now()
    locked = locked_for(vps.tags, now + tags.MARGIN_S) == spec.host_id
    if (
        service in parts.recycler.refused
        or vps.released(now)
        or not (locked or owner.host_id == spec.host_id)
    ):
        return None
    if locked and owner.host_id != spec.host_id:  # it was won, and its marks weren't written to their end
        parts.recycler.own(service, spec, vps.tags)
    if not vps.renewal.cancelled and not owner.ready:
        renewal.insist(parts.client, parts.clock, service, True)
    parts.building[service] = Build(spec.image, recycled)
    for marker in parts.markers.all():
        if marker.host_id == spec.host_id and marker.order_id:
            parts.markers.remove(marker.key)
    return vps


def _machine(vps: Vps, shown: dict[str, str] | None = None) -> Machine:
    """For the builder, which waits until it runs: one that is off is installed, and thereby started. `shown`: what we
    wrote on it and may not show yet."""
    machine = vps.machine()
    state = "running" if vps.state == "stopped" else machine.state
    return msgspec.structs.replace(machine, state=state, tags={**machine.tags, **(shown or {})})
