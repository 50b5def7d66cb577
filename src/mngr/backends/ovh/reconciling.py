"""Orders that nobody waits for any more: what came of them is tagged as ours and cancelled, so that a create recycles it.

A marker goes when its VPS is in hand, when OVH says that nothing came of the order, or when nothing can come of its
cart: OVH says that it wasn't bought, or it has expired and the account's orders show none that could be its.
"""

from collections.abc import Callable

from mngr.backends.ovh import delivery, renewal
from mngr.backends.ovh.markers import Marker
from mngr.backends.ovh.order import CART_S, EARLY_S
from mngr.backends.ovh.parts import Parts
from mngr.model.errors import MngrError, NotFound
from mngr.vps_docker import tags

#: A service that an order names and OVH doesn't know has ended, if the order is at least so old.
ENDED_S = 86400.0

Warn = Callable[[str], None]


def reconcile(parts: Parts, *, dry_run: bool = False, warn: Warn = lambda text: None) -> list[str]:
    """Looks at each marker that nobody works on. Never raises MngrError: what fails is told to `warn`. Returns what was
    done. Repeatable, by any number of computers."""
    done: list[str] = []
    for broken in parts.markers.broken():
        warn(
            f"{broken.path} can't be read ({broken.why}); an order may stand behind it: `mngr ovh list --all`"
        )
    for marker in parts.markers.all():
        try:
            with parts.markers.hold(marker.host_id) as mine:
                if mine and parts.markers.get(marker.key) is not None:
                    done += _order(parts, marker, dry_run, warn)
        except (MngrError, OSError) as error:
            warn(f"pending {marker.key.replace('-', ' ', 1)}: {error}")
    return done


def _order(parts: Parts, marker: Marker, dry_run: bool, warn: Warn) -> list[str]:
    order = marker.order_id or _of_cart(parts, marker, dry_run, warn)
    if not order:
        return []
    try:
        _, service = delivery.delivered(parts.client, order, marker.plan_code)
    except delivery.OrderCancelled:
        if not dry_run:
            parts.markers.remove(marker.key)
        return [f"order {order} was cancelled by OVH; nothing came of it"]
    if not marker.order_id and not dry_run:
        parts.buyer.known(marker, order, lambda handle: None)
    return _service(parts, marker, order, service, dry_run) if service else []


def _service(parts: Parts, marker: Marker, order: int, service: str, dry_run: bool) -> list[str]:
    """What an order became. A VPS with a host on it, or somebody else's by now, is left as it is."""
    try:
        vps = parts.reader.read(service)
    except NotFound:
        if parts.client.now() - marker.at < ENDED_S:
            raise
        if not dry_run:
            parts.markers.remove(f"order-{order}")
        return [f"{service} (order {order}) has ended"]
    owner = tags.read(vps.tags)
    foreign = any(one.startswith("mngr-") for one in vps.tags) and (
        owner.ready or owner.host_id != marker.host_id or owner.provider != parts.instance
    )
    if dry_run:
        return [] if foreign else [f"would keep {service} (order {order}) for the next create"]
    if not foreign:
        mine = {tags.PROVIDER: parts.instance} | ({tags.HOST_ID: marker.host_id} if marker.host_id else {})
        parts.store.change(service, {one: value for one, value in mine.items() if vps.tags.get(one) != value})
        if not renewal.cancel(parts.client, service):
            return []
        parts.store.change(service, {}, [one for one in (tags.BUILDER, tags.UNTIL) if one in vps.tags])
    parts.markers.remove(f"order-{order}")
    return [] if foreign else [f"{service} (order {order}): cancelled, and kept for the next create"]


def _of_cart(parts: Parts, marker: Marker, dry_run: bool, warn: Warn) -> int:
    """The order of a checkout without an answer; 0 if there is none (yet), and then its marker goes in its time."""
    now, last = parts.client.now(), max(marker.at, marker.again)
    in_flight_s = parts.client.timeout + parts.config.list_lag + 60
    if not parts.buyer.checked_out(marker.cart_id):
        if now - last > in_flight_s and not dry_run:
            parts.markers.remove(marker.key)
        return 0
    order, candidates = parts.buyer.find_lost(marker)
    if order:
        return order
    if candidates:
        warn(
            f"the checkout of cart {marker.cart_id} got no answer, and OVH's orders {', '.join(map(str, candidates))} of "
            f"{marker.plan_code} could be its: `mngr ovh list --all`, then `mngr ovh adopt` what is mngr's; "
            f"if none is, delete {parts.markers.path(marker.key)}"
        )
    elif now - last > CART_S + EARLY_S + parts.config.list_lag and not dry_run:
        parts.markers.remove(marker.key)
    return 0
