"""Buying a VPS: a cart, its item's configuration, checkout. Orders have no idempotency key.

A cart is checked out once at most: its marker is on disk before that, its order's before anything else happens. After
a lost answer the cart is asked whether it was bought, and only then `lost_orders` looks for its order.
"""

import msgspec

from mngr.backends.ovh.answers import AGAIN, understood
from mngr.backends.ovh.buying.lost_orders import LostOrders
from mngr.backends.ovh.buying.markers import Marker, Markers
from mngr.backends.ovh.client import OvhClient
from mngr.backends.ovh.offers import DATACENTER, MONITORING, NO_MONITORING, SYSTEM, Offers
from mngr.model.clock import Clock, iso
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


class Buyer:
    def __init__(
        self,
        client: OvhClient,
        offers: Offers,
        markers: Markers,
        lost: LostOrders,
        clock: Clock,
        list_lag: float,
    ) -> None:
        self.client = client
        self.offers = offers
        self.markers = markers
        self.lost = lost
        self.clock = clock
        self.list_lag = list_lag

    def buy(self, spec: MachineSpec, host_name: str, save: Save) -> int:
        """The order's number, on disk. Raises VpsProvisioningError (refused: nothing was bought), VpsApiNoAnswer."""
        cart = self._cart(spec)
        marker = Marker(
            plan_code=spec.plan, region=spec.region, host_id=spec.host_id, host_name=host_name, cart_id=cart,
            at=self.client.now(),
        )  # fmt: skip
        self.markers.write(marker)
        save({"cart": cart, "order": ""})
        try:
            order = self._checkout(cart)
        except VpsApiNoAnswer:
            return self.recover(marker, save)
        except MngrError:
            self.markers.remove(marker.key)
            save({"cart": ""})
            raise
        return self.known(marker, order, save)

    def recover(self, marker: Marker, save: Save) -> int:
        """After a checkout whose answer was lost: its order, or that of a second checkout if OVH says that the cart wasn't
        bought. Repeatable.

        Raises VpsApiNoAnswer if that can't be told, VpsProvisioningError if OVH refuses; the marker then stays.
        """
        if self._bought(marker) is False:
            marker = msgspec.structs.replace(marker, again=self.client.now())
            self.markers.write(marker)
            try:
                return self.known(marker, self._checkout(marker.cart_id), save)
            except VpsApiNoAnswer:
                pass
            except VpsApiRefused:  # also when it was bought meanwhile, by the first checkout
                if not self._bought(marker):
                    save({"cart": ""})
                    raise
        if self._bought(marker):
            for _ in range(LIST_LOOKS):
                self.clock.sleep(self.list_lag)  # else somebody's order shows, and ours doesn't yet
                found = self.lost.find(marker).order
                if found:
                    return self.known(marker, found, save)
        raise VpsApiNoAnswer(
            f"OVH gave no usable answer to the checkout of cart {marker.cart_id}, and no order of it can be told apart",
            hint="it is remembered: the next `mngr create` or `mngr gc` looks again; see also `mngr ovh list --all`",
        )

    def _bought(self, marker: Marker) -> bool | None:
        """Whether the cart was checked out, once `list_lag` has passed without it. None: OVH doesn't know the cart."""
        bought: bool | None = None
        for _ in looks(self.clock, self.list_lag, most=5):
            bought = self.lost.bought(marker.cart_id)
            if bought:
                break
        return bought

    def known(self, marker: Marker, order: int, save: Save) -> int:
        """The checkout made this order: on disk, before its cart's marker goes. What knows the cart finds it there."""
        self.markers.write(msgspec.structs.replace(marker, order_id=order))
        self.markers.remove(marker.key)
        save({"order": str(order)})
        return order

    def _cart(self, spec: MachineSpec) -> str:
        """A cart that can be checked out. Spends nothing; a repeat makes another, and the old one expires."""
        body = {
            "ovhSubsidiary": self.client.me()["ovhSubsidiary"],
            "description": f"mngr {spec.host_id}",
            "expire": iso(self.client.now() + CART_S),
        }
        wanted = {DATACENTER: spec.region, SYSTEM: spec.image}
        with understood("OVH's answer about a cart"):  # nothing in it is paid
            cart = str(self.client.post("/order/cart", body, repeat=True)["cartId"])
            path = f"/order/cart/{segment(cart)}"
            item = self.client.post(f"{path}/vps", self.offers.item(spec.plan), repeat=False)["itemId"]
            rows = self.client.get(f"{path}/item/{item}/requiredConfiguration") or []
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
            self.client.post(f"{path}/item/{item}/configuration", body, repeat=False)
        self.client.post(f"{path}/assign", repeat=True)
        return cart

    def _checkout(self, cart: str) -> int:
        """The paid call."""
        pay = {"autoPayWithPreferredPaymentMethod": True, "waiveRetractationPeriod": True}
        try:
            answer = self.client.post(f"/order/cart/{segment(cart)}/checkout", pay, repeat=False)
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
