"""Buying a VPS: a cart, its item's configuration, checkout. Orders have no idempotency key.

A cart is checked out once at most: its marker is on disk before that, its order's before anything else happens. After
a lost answer the cart is asked whether it was bought, and only then `lost_orders` looks for its order.
"""

import msgspec

from mngr.backends.ovh.answers import AGAIN, understood
from mngr.backends.ovh.buying import lost_orders
from mngr.backends.ovh.buying.markers import Marker
from mngr.backends.ovh.offers import DATACENTER, MONITORING, NO_MONITORING, SYSTEM, item
from mngr.backends.ovh.parts import CART, ORDER, Parts
from mngr.model.clock import iso
from mngr.model.errors import MngrError
from mngr.model.waiting import looks
from mngr.vps_docker.errors import VpsApiNoAnswer, VpsApiRefused, VpsProvisioningError
from mngr.vps_docker.http import segment
from mngr.vps_docker.vps_client import MachineSpec, Save

#: The list of orders is waited for so many times `list_lag`, and read after each.
LIST_LOOKS = 3
#: A cart is kept by OVH for so long.
CART_S = 3 * 86400
PAYMENT_OR_STOCK = "check the account's payment method and the datacenter's stock"


def buy(parts: Parts, spec: MachineSpec, host_name: str, save: Save) -> int:
    """The order's number, on disk. Raises VpsProvisioningError (refused: nothing was bought), VpsApiNoAnswer."""
    cart = _cart(parts, spec)
    marker = Marker(
        plan_code=spec.plan, region=spec.region, host_id=spec.host_id, host_name=host_name, cart_id=cart,
        at=parts.client.now(),
    )  # fmt: skip
    parts.markers.write(marker)
    save({CART: cart, ORDER: ""})
    try:
        order = _checkout(parts, cart)
    except VpsApiNoAnswer:
        return recover(parts, marker, save)
    except MngrError:
        parts.markers.remove(marker.key)
        save({CART: ""})
        raise
    return known(parts, marker, order, save)


def recover(parts: Parts, marker: Marker, save: Save) -> int:
    """After a checkout whose answer was lost: its order, or that of a second checkout if OVH says that the cart wasn't
    bought. Repeatable.

    Raises VpsApiNoAnswer if that can't be told, VpsProvisioningError if OVH refuses; the marker then stays.
    """
    if _bought(parts, marker) is False:
        marker = msgspec.structs.replace(marker, again=parts.client.now())
        parts.markers.write(marker)
        try:
            return known(parts, marker, _checkout(parts, marker.cart_id), save)
        except VpsApiNoAnswer:
            pass
        except VpsApiRefused:  # also when it was bought meanwhile, by the first checkout
            if not _bought(parts, marker):
                save({CART: ""})
                raise
    if _bought(parts, marker):
        for _ in range(LIST_LOOKS):
            parts.clock.sleep(parts.config.list_lag)  # else somebody's order shows, and ours doesn't yet
            found = lost_orders.find(parts, marker).order
            if found:
                return known(parts, marker, found, save)
    raise VpsApiNoAnswer(
        f"OVH gave no usable answer to the checkout of cart {marker.cart_id}, and no order of it can be told apart",
        hint="it is remembered: the next `mngr create` or `mngr gc` looks again; see also `mngr ovh list --all`",
    )


def _bought(parts: Parts, marker: Marker) -> bool | None:
    """Whether the cart was checked out, once `list_lag` has passed without it. None: OVH doesn't know the cart."""
    bought: bool | None = None
    for _ in looks(parts.clock, parts.config.list_lag, most=5):
        bought = lost_orders.bought(parts, marker.cart_id)
        if bought:
            break
    return bought


def known(parts: Parts, marker: Marker, order: int, save: Save) -> int:
    """The checkout made this order: on disk, before its cart's marker goes. What knows the cart finds it there."""
    parts.markers.write(msgspec.structs.replace(marker, order_id=order))
    parts.markers.remove(marker.key)
    save({ORDER: str(order)})
    return order


def _cart(parts: Parts, spec: MachineSpec) -> str:
    """A cart that can be checked out. Spends nothing; a repeat makes another, and the old one expires."""
    body = {
        "ovhSubsidiary": parts.client.me()["ovhSubsidiary"],
        "description": f"mngr {spec.host_id}",
        "expire": iso(parts.client.now() + CART_S),
    }
    wanted = {DATACENTER: spec.region, SYSTEM: spec.image}
    with understood("OVH's answer about a cart"):  # nothing in it is paid
        cart = str(parts.client.post("/order/cart", body, repeat=True)["cartId"])
        path = f"/order/cart/{segment(cart)}"
        number = parts.client.post(f"{path}/vps", item(parts.config, spec.plan), repeat=False)["itemId"]
        rows = parts.client.get(f"{path}/item/{number}/requiredConfiguration") or []
        labels = [str(row["label"]) for row in rows if row.get("required")]
    if MONITORING in labels:
        wanted[MONITORING] = NO_MONITORING
    unknown = [label for label in labels if label not in wanted]
    if unknown:
        raise VpsProvisioningError(
            f"OVH's cart for {spec.plan} wants {', '.join(unknown)}, which mngr doesn't know",
            hint="nothing was ordered; choose another plan, or look for a newer mngr",
        )
    for label, value in wanted.items():
        body = {"label": label, "value": value}
        parts.client.post(f"{path}/item/{number}/configuration", body, repeat=False)
    parts.client.post(f"{path}/assign", repeat=True)
    return cart


def _checkout(parts: Parts, cart: str) -> int:
    """The paid call."""
    pay = {"autoPayWithPreferredPaymentMethod": True, "waiveRetractationPeriod": True}
    try:
        answer = parts.client.post(f"/order/cart/{segment(cart)}/checkout", pay, repeat=False)
    except VpsApiRefused as error:
        raise VpsProvisioningRefused(
            f"OVH refused the order: {error.message}",
            status=error.status,
            hint="nothing was bought; " + (PAYMENT_OR_STOCK if error.hint in ("", AGAIN) else error.hint),
        ) from None
    try:
        return int(answer["orderId"])
    except (KeyError, TypeError, ValueError):
        raise VpsApiNoAnswer("OVH's answer to the checkout has no order in it") from None


class VpsProvisioningRefused(VpsProvisioningError, VpsApiRefused):
    """OVH refused the order; nothing was bought."""
