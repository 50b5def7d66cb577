"""Orders that nobody waits for any more: what came of them is tagged as ours and cancelled, so that a create recycles it.

A marker goes when its VPS is in hand, when OVH says that nothing came of the order, or when nothing can come of its
cart: OVH says that it wasn't bought, or it has expired and the account's orders show none that could be its.

The cancellation is the last write: only from then on anybody may recycle the VPS, and nothing is written on it any
more. One that was taken while this process stood still is left alone (recycling/fence.py).
"""

from collections.abc import Callable, Mapping

from mngr.backends.ovh.buying import delivery, lost_orders
from mngr.backends.ovh.buying.lost_orders import EARLY_S, ENDED_S
from mngr.backends.ovh.buying.markers import Marker, order_key
from mngr.backends.ovh.buying.order import CART_S, known
from mngr.backends.ovh.parts import Parts
from mngr.backends.ovh.recycling.fence import Fence
from mngr.backends.ovh.tags import is_locked
from mngr.backends.ovh.vps import Vps
from mngr.model.errors import MngrError, NotFound
from mngr.model.swept import Found
from mngr.vps_docker import tags

Warn = Callable[[str], None]


def reconcile(
    parts: Parts, *, dry_run: bool = False, warn: Warn = lambda text: None, but: str = ""
) -> list[Found]:
    """Looks at each marker that nobody works on, but those of host id `but`. Never raises MngrError: what fails is told to
    `warn`. Returns what was done. Repeatable, by any number of computers."""
    done: list[Found] = []
    try:
        broken, markers = parts.markers.broken(), parts.markers.all()
    except OSError as error:
        warn(
            f"{parts.markers.folder} can't be read ({error}); orders may stand behind it: `mngr ovh list --all`"
        )
        return done
    for one in broken:
        warn(f"{one.path} can't be read ({one.why}); an order may stand behind it: `mngr ovh list --all`")
    for marker in markers:
        if but and marker.host_id == but:
            continue
        try:
            with parts.markers.hold(marker.host_id) as mine:
                if mine and parts.markers.get(marker.key) is not None:
                    done += _order(parts, marker, dry_run, warn)
        except (MngrError, OSError) as error:
            warn(f"pending {marker.key.replace('-', ' ', 1)}: {error}")
    return done


def _order(parts: Parts, marker: Marker, dry_run: bool, warn: Warn) -> list[Found]:
    if not marker.order_id and any(
        one.order_id and one.cart_id == marker.cart_id for one in parts.markers.all()
    ):
        if not dry_run:
            parts.markers.remove(marker.key)
        return []  # killed between the two: its order has a marker
    order = marker.order_id or _of_cart(parts, marker, dry_run, warn)
    if not order:
        return []
    try:
        _, service = delivery.delivered(parts.client, order, marker.plan_code)
    except delivery.OrderCancelled:
        if not dry_run:
            parts.markers.remove(marker.key)
        return [Found(thing="order", name=str(order), why="order-cancelled")]
    if not marker.order_id and not dry_run:
        known(parts, marker, order, lambda handle: None)
    return _service(parts, marker, order, service, dry_run, warn) if service else []


def _service(
    parts: Parts, marker: Marker, order: int, service: str, dry_run: bool, warn: Warn
) -> list[Found]:
    """What an order became. A VPS with a host on it, or somebody else's by now, is left as it is."""
    found = Found(thing="vps", name=service, id=str(order), why="spare")
    fence = Fence(parts, service, lambda found: not _foreign(parts, marker, found))
    try:
        vps = parts.reader.read(service)
    except NotFound:
        if parts.client.now() - marker.at < ENDED_S:
            raise
        if not dry_run:
            parts.markers.remove(order_key(order))
        return [found.instead("ended")]
    if vps.renewal.older_than(marker.at):
        warn(
            f"order {order} names {service}, which was there before it: nothing is done to it; "
            f"see `mngr ovh list --all`, then delete {parts.markers.path(f'order-{order}')}"
        )
        return []
    foreign = _foreign(parts, marker, vps.tags)
    if not dry_run:
        if not foreign and not _spare(parts, marker, vps, fence):
            return []
        parts.markers.remove(order_key(order))
    return [] if foreign else [found]


def _spare(parts: Parts, marker: Marker, vps: Vps, fence: Fence) -> bool:
    """Ours by its tags, then cancelled. False if OVH doesn't let it be cancelled yet, or it became somebody's."""
    owner = tags.read(vps.tags)
    leases = [one for one in (tags.BUILDER, tags.UNTIL) if one in vps.tags]
    if not vps.renewal.cancelled or not owner.provider:
        mine = {tags.PROVIDER: parts.instance} | ({tags.HOST_ID: marker.host_id} if marker.host_id else {})
        lacking = {one: mine[one] for one in mine if vps.tags.get(one) != mine[one]}
        spared = fence.change(lacking, leases) and fence.cancel()
    else:  # where its builder died, nobody takes it until that lease ends
        spared = vps.released(parts.client.now()) or fence.change({}, leases)
    if not spared:
        return False
    parts.clock.sleep(parts.config.tag_lag)  # who reads it as free reads it whole
    parts.own_writes.note(vps.name, "freed")
    return True


def _foreign(parts: Parts, marker: Marker, found: Mapping[str, str]) -> bool:
    owner = tags.read(found)
    return any(one.startswith("mngr-") for one in found) and (
        owner.ready
        or owner.host_id not in ("", marker.host_id)
        or owner.provider not in ("", parts.instance)
        or is_locked(found, parts.client.now())
    )


def _of_cart(parts: Parts, marker: Marker, dry_run: bool, warn: Warn) -> int:
    """The order of a checkout without an answer; 0 if there is none (yet), and then its marker goes in its time."""
    since = parts.client.now() - marker.last
    if since <= lost_orders.in_flight_s(parts) + parts.config.list_lag:
        return 0  # it may yet be carried out, or its order not be listed
    bought = lost_orders.bought(parts, marker.cart_id)
    if bought is False:
        if not dry_run:
            parts.markers.remove(marker.key)
        return 0
    found = lost_orders.find(parts, marker)
    if found.order:
        return found.order
    if found.candidates:
        orders = ", ".join(map(str, found.candidates))
        warn(
            f"the checkout of cart {marker.cart_id} got no answer, and OVH's orders {orders} of {marker.plan_code} could "
            f"be its: `mngr ovh list --all`, then `mngr ovh adopt` what is mngr's; "
            f"if none is, delete {parts.markers.path(marker.key)}"
        )
    elif since > CART_S + EARLY_S + parts.config.list_lag and not dry_run:
        parts.markers.remove(marker.key)
    return 0
