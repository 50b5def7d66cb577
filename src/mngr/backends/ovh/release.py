"""Letting go of a VPS: its renewal is cancelled, then nobody's host or builder is on it, and it waits to be recycled."""

import contextlib

from mngr.backends.ovh import renewal
from mngr.backends.ovh.buying import delivery, lost_orders
from mngr.backends.ovh.buying.markers import order_key
from mngr.backends.ovh.parts import CLAIM_ON, ID, ORDER, Parts
from mngr.backends.ovh.recycling.fence import Fence
from mngr.backends.ovh.tags import CLAIM, RECYCLING_BY, REFUSED
from mngr.model.errors import NotFound
from mngr.vps_docker import tags
from mngr.vps_docker.vps_client import Gone, Handle, Later, MachineSpec

#: A VPS that wouldn't be installed isn't tried again for so long.
REFUSED_S = 3600


def release(parts: Parts, found: list[str], spec: MachineSpec, handle: Handle) -> Gone | Later:
    """Cancels the renewal, then takes the host's and the builder's tags off. `found`: services with the host's id on
    them. What was ordered and isn't delivered stays with its marker, which `buying.reconcile` sees to. Repeatable."""
    services = set(found)
    fresh, unseen = "", set[str]()
    if handle.get(ID):
        services.add(handle[ID])
    elif handle.get(ORDER):
        fresh = _of_order(parts, int(handle[ORDER]), spec)
        services |= {fresh} if fresh else set()
    for service in sorted(services):
        try:
            if not _retire(parts, service, spec, tag=service in (fresh, handle.get(ID))):
                return Later(f"OVH doesn't let the renewal of {service} be cancelled yet", after_s=5)
        except NotFound:
            expired = parts.reader.expired(service)
            if expired is None:
                # It has ended, or is so fresh that it doesn't show: its marker tells them apart in time.
                unseen.add(service)
            elif parts.is_for(expired.tags, spec.host_id):  # not paid: it ends by itself
                parts.store.change(service, {}, [RECYCLING_BY, tags.BUILDER, tags.READY, tags.UNTIL])
        parts.own_writes.forget_build(service)
    if unseen and unseen & {name for name, _ in parts.store.rows()}:
        listed = ", ".join(sorted(unseen))
        return Later(f"OVH lists {listed}, and says that it doesn't have it", after_s=5)
    if handle.get(CLAIM_ON):
        with contextlib.suppress(NotFound):
            parts.store.drop(handle[CLAIM_ON], CLAIM + spec.host_id)
    if handle.get(ORDER) and (fresh or handle.get(ID)) and not unseen:
        parts.markers.remove(order_key(int(handle[ORDER])))
    return Gone()


def give_back(parts: Parts, service: str, host_id: str) -> None:
    """A recycled VPS that wouldn't be installed: free again for others, though not for some time, and not for us."""
    parts.own_writes.note(service, "refused")
    if not parts.is_for(parts.store.read(service), host_id):
        return  # its lease passed meanwhile, and somebody took it
    until = str(int(parts.client.now()) + REFUSED_S)
    parts.store.change(service, {REFUSED: until}, [RECYCLING_BY, tags.HOST_ID, tags.BUILDER, tags.UNTIL])


def adopt(parts: Parts, service: str) -> None:
    """By a person's word: ours, cancelled, free for the next create. Repeatable. Raises TimedOut, VpsApiError.

    A checkout in doubt that it answers is in doubt no more, so that no other order is taken for its.
    """
    for marker in parts.markers.all():
        if not marker.order_id and lost_orders.bought(parts, marker.cart_id) is not False:
            orders = lost_orders.find(parts, marker).candidates
            if service in [delivery.service_of(parts.client, order, marker.plan_code) for order in orders]:
                parts.markers.remove(marker.key)
                break
    parts.store.put(service, tags.PROVIDER, parts.instance)
    renewal.insist(parts.client, service, True)
    parts.store.change(service, {}, [tags.READY, tags.BUILDER, tags.UNTIL, RECYCLING_BY])


def _of_order(parts: Parts, order: int, spec: MachineSpec) -> str:
    try:
        return delivery.delivered(parts.client, order, spec.plan)[1]
    except delivery.OrderCancelled:
        parts.markers.remove(order_key(order))
        return ""


def _retire(parts: Parts, service: str, spec: MachineSpec, *, tag: bool) -> bool:
    """False: not yet. One that carries another host's tags is left alone. What frees it comes last."""
    fence = Fence(parts, service, lambda found: parts.is_for(found, spec.host_id))
    vps = parts.reader.read(service)
    owner = tags.read(vps.tags)
    mine = parts.own_writes.building(service) is not None
    if not parts.is_for(vps.tags, spec.host_id) and (owner.host_id or not tag):
        return True
    if vps.released(parts.client.now()) and owner.provider and not mine:
        parts.own_writes.note(service, "freed")
        return True  # it is free, and somebody may be claiming it
    if not vps.renewal.cancelled and not fence.cancel():
        return False
    put = {tags.PROVIDER: parts.instance, tags.HOST_ID: spec.host_id}
    # A stale read must not hide a tag that was put a moment ago.
    drop = [key for key in (RECYCLING_BY, tags.BUILDER) if mine or key in vps.tags]
    drop += [tags.READY] if mine or owner.ready or owner.until is None else []
    drop += [tags.UNTIL] if mine or tags.UNTIL in vps.tags else []
    freed = fence.change(put if owner.host_id != spec.host_id else {}, drop)
    if drop:
        parts.clock.sleep(parts.config.tag_lag)
    if freed and drop:
        found = parts.store.read(service)  # OVH has said of tags that they aren't there, and they were
        if any(found.get(key, "-") == vps.tags.get(key) for key in drop):
            return False
    if freed:
        parts.own_writes.note(service, "freed")
    return True
