"""The order that a checkout without an answer made, where it can be told from others.

OVH's orders don't name their cart. The cart says whether it was bought (`readOnly`). An order is matched to it only if
the number of unmatched orders of that plan and datacenter, dated when a checkout may have been carried out, equals the
number of purchases here that don't know their order.
"""

import msgspec

from mngr.backends.ovh.answers import understood
from mngr.backends.ovh.buying import delivery
from mngr.backends.ovh.buying.markers import Marker
from mngr.backends.ovh.parts import Parts
from mngr.model.clock import from_iso, iso
from mngr.model.errors import NotFound
from mngr.vps_docker.errors import VpsApiError, VpsApiUnreadable
from mngr.vps_docker.http import segment

#: Orders may be dated so much before our note of the time.
EARLY_S = 120.0
#: A checkout whose answer we gave up on is carried out within so long after its time-out, or never.
LATE_S = 300.0
#: Orders are numbered by date, nearly: so many that are too old in a row, and the rest is too old as well.
OLD_IN_A_ROW = 10
#: An order or a VPS that OVH doesn't know may be too fresh to show; after so long it has ended.
ENDED_S = 86400.0


class Found(msgspec.Struct, frozen=True):
    """`order`: the checkout's, 0 while none shows or it can't be told whose they are. `candidates`: those that could
    be its."""

    order: int
    candidates: list[int]


def bought(parts: Parts, cart: str) -> bool | None:
    """Whether the cart was checked out; None if OVH doesn't know it (any more). Raises Unreadable."""
    try:
        answer = parts.client.get(f"/order/cart/{segment(cart)}")
    except NotFound:
        return None
    with understood(f"OVH's cart {cart}"):
        said = answer["readOnly"]
    if not isinstance(said, bool):
        raise VpsApiUnreadable(f"OVH doesn't say whether cart {cart} was bought")
    return said


def in_flight_s(parts: Parts) -> float:
    """So long after it was sent a checkout may yet be carried out."""
    return parts.client.timeout + LATE_S


def find(parts: Parts, marker: Marker) -> Found:
    """Call it when lists have had time to show the order. Raises Unreadable."""
    here = parts.markers.all()
    rivals = [
        one
        for one in here
        if not one.order_id and (one.plan_code, one.region) == (marker.plan_code, marker.region)
    ]
    if marker.cart_id not in [one.cart_id for one in rivals]:
        rivals.append(marker)
    carts = {one.cart_id: bought(parts, one.cart_id) for one in rivals}
    rivals = [one for one in rivals if carts[one.cart_id] is not False or one.cart_id == marker.cart_id]
    explained = {one.order_id for one in here if one.order_id}
    first = min(one.at for one in rivals) - EARLY_S
    could = {
        order: _unexplained(parts, order, at, marker)
        for order, at in _orders_since(parts, first)
        if order not in explained
        and any(one.at - EARLY_S <= at <= one.last + in_flight_s(parts) for one in rivals)
    }
    candidates = sorted(order for order, fits in could.items() if fits is not False)
    sure = None not in could.values() and all(carts[one.cart_id] for one in rivals)
    if len(candidates) != len(rivals) or not sure:
        return Found(0, candidates)
    rivals.sort(key=lambda one: (one.at, one.cart_id))
    return Found(candidates[[one.cart_id for one in rivals].index(marker.cart_id)], candidates)


def date(parts: Parts, order: int) -> float:
    """Raises NotFound, Unreadable."""
    answer = parts.client.get(f"/me/order/{order}")
    with understood(f"OVH's order {order}"):
        return from_iso(str(answer["date"]))


def _orders_since(parts: Parts, at: float) -> list[tuple[int, float]]:
    """(order, its date). US describes no dates here (docs/clouds-as-they-are.md): there the newest come first, one by
    one, until they are too old."""
    try:
        ids = parts.client.get("/me/order", {"date.from": iso(at)})
    except VpsApiError as error:
        if error.status != 400:
            raise
        ids = parts.client.get("/me/order")
    with understood("OVH's list of orders"):
        newest = sorted((int(one) for one in ids), reverse=True)
    found: list[tuple[int, float]] = []
    old = 0
    for order in newest:
        try:
            at_that = date(parts, order)
        except NotFound:
            raise VpsApiUnreadable(f"OVH lists order {order}, and says that it doesn't have it") from None
        old = old + 1 if at_that < at else 0
        if old >= OLD_IN_A_ROW:
            break
        if not old:
            found.append((order, at_that))
    return found


def _unexplained(parts: Parts, order: int, at: float, marker: Marker) -> bool | None:
    """Whether it is of the marker's plan and datacenter, and what it became is there, with nobody's tag on it, and no
    older than the checkout. None: it may be, and OVH doesn't say of what plan it is before its VPS is there."""
    wanted = marker.plan_code, marker.region
    try:
        plans = delivery.ordered(parts.client, order)
        if plans is not None and wanted not in plans and (marker.plan_code, "") not in plans:
            return False
        service = delivery.service_of(parts.client, order, marker.plan_code)
    except NotFound:
        raise VpsApiUnreadable(f"OVH lists order {order}, and doesn't have its details (yet)") from None
    likely = None if plans is None else True
    if not service:
        return likely
    try:
        vps = parts.reader.read(service)
    except NotFound:
        return likely if parts.client.now() - at < ENDED_S else False
    if plans is None and (vps.plan, vps.datacenter) != wanted:
        return False
    return not vps.tagged and not vps.renewal.older_than(marker.at)
