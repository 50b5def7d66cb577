"""Buying a VPS: a cart, its item's configuration, checkout. Orders have no idempotency key.

A cart is checked out once at most: its marker is on disk before that, its order's before anything else happens. An
order whose answer was lost is looked for among the account's orders of that plan and time, and taken only if there
are as many unexplained ones, dated when it may have been carried out, as purchases here that don't know theirs.
"""

from typing import Any

import msgspec

from mngr.backends.ovh import delivery
from mngr.backends.ovh.answers import OvhApiError
from mngr.backends.ovh.client import OvhClient, segment
from mngr.backends.ovh.markers import Marker, Markers
from mngr.backends.ovh.offers import DATACENTER, SYSTEM, Offers
from mngr.model.clock import Clock, from_iso, iso
from mngr.model.errors import MngrError, NotFound
from mngr.providers.contract import MachineSpec, Save
from mngr.vps_docker.errors import VpsApiError, VpsApiNoAnswer, VpsApiUnreadable, VpsProvisioningError

#: Orders may be dated so much before our note of the time.
EARLY_S = 120.0
#: A checkout whose answer we gave up on is carried out within so long after its time-out, or never.
LATE_S = 300.0
#: Orders are numbered by date, nearly: so many that are too old in a row, and the rest is too old as well.
OLD_IN_A_ROW = 10
CART_S = 3 * 86400


class Buyer:
    def __init__(
        self, client: OvhClient, offers: Offers, markers: Markers, clock: Clock, list_lag: float
    ) -> None:
        self.client = client
        self.offers = offers
        self.markers = markers
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
        """After a checkout whose answer was lost: its order, or that of a second checkout if the first made none.

        Raises VpsApiNoAnswer if that can't be told; the marker then stays.
        """
        waits = 0.0
        while True:
            found, _ = self.find_lost(marker)
            if found:
                return self.known(marker, found, save)
            if waits >= self.list_lag:
                break
            self.clock.sleep(2.0)
            waits += 2.0
        if not self.checked_out(marker.cart_id):
            marker = msgspec.structs.replace(marker, again=self.client.now())
            self.markers.write(marker)
            try:
                return self.known(marker, self._checkout(marker.cart_id), save)
            except VpsApiNoAnswer:
                pass
            except OvhApiError:
                if not self.checked_out(marker.cart_id):
                    self.markers.remove(marker.key)
                    save({"cart": ""})
                    raise
        raise VpsApiNoAnswer(
            f"OVH gave no usable answer to the checkout of cart {marker.cart_id}, and no order of it can be told apart",
            hint="it is remembered: the next `mngr create` or `mngr gc` looks again; see also `mngr ovh list --all`",
        )

    def find_lost(self, marker: Marker) -> tuple[int, list[int]]:
        """The order of a checkout without an answer, 0 while none shows, or it can't be told whose they are; and the
        orders that could be its."""
        unresolved = [
            one for one in self.markers.all() if not one.order_id and one.plan_code == marker.plan_code
        ]
        if marker.cart_id not in [one.cart_id for one in unresolved]:
            unresolved.append(marker)
        explained = {one.order_id for one in self.markers.all() if one.order_id}
        first = min(one.at for one in unresolved) - EARLY_S
        candidates = sorted(
            order
            for order, at in self._orders_since(first)
            if order not in explained
            and any(self._dated(one, at) for one in unresolved)
            and self._unexplained(order, marker)
        )
        if len(candidates) != len(unresolved):
            return 0, candidates
        unresolved.sort(key=lambda one: (one.at, one.cart_id))
        place = [one.cart_id for one in unresolved].index(marker.cart_id)
        return candidates[place], candidates

    def _dated(self, marker: Marker, at: float) -> bool:
        """Whether an order of this date can be of the marker's checkout."""
        last = max(marker.at, marker.again) + self.client.timeout + LATE_S
        return marker.at - EARLY_S <= at <= last

    def known(self, marker: Marker, order: int, save: Save) -> int:
        """The checkout made this order: on disk, before its cart's marker goes."""
        self.markers.write(msgspec.structs.replace(marker, order_id=order))
        save({"order": str(order)})
        self.markers.remove(marker.key)
        return order

    def _cart(self, spec: MachineSpec) -> str:
        """A cart that can be checked out. Spends nothing; a repeat makes another, and the old one expires."""
        body = {
            "ovhSubsidiary": self.client.me()["ovhSubsidiary"],
            "description": f"mngr {spec.host_id}",
            "expire": iso(self.client.now() + CART_S),
        }
        cart = str(self.client.post("/order/cart", body, repeat=True)["cartId"])
        path = f"/order/cart/{segment(cart)}"
        item = self.client.post(f"{path}/vps", self.offers.item(spec.plan), repeat=False)["itemId"]
        wanted = {DATACENTER: spec.region, SYSTEM: spec.image}
        rows = self.client.get(f"{path}/item/{item}/requiredConfiguration") or []
        unknown = [str(row["label"]) for row in rows if row.get("required") and row["label"] not in wanted]
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
        except OvhApiError as error:
            raise VpsProvisioningRefused(
                f"OVH refused the order: {error.message}",
                status=error.status,
                hint=error.hint
                or "nothing was bought; check the account's payment method and the datacenter's stock",
            ) from None
        try:
            return int(answer["orderId"])
        except (KeyError, TypeError, ValueError):
            raise VpsApiNoAnswer("OVH's answer to the checkout has no order in it") from None

    def checked_out(self, cart: str) -> bool:
        """Whether the cart may have been bought: also when OVH doesn't know it any more."""
        try:
            return bool(self.client.get(f"/order/cart/{segment(cart)}").get("readOnly", True))
        except NotFound:
            return True

    def _orders_since(self, at: float) -> list[tuple[int, float]]:
        """(order, its date). US describes no dates here (contracts/ovh/us/me.json): there the newest come first, one by
        one, until they are too old."""
        try:
            ids = self.client.get("/me/order", {"date.from": iso(at)})
        except VpsApiError as error:
            if error.status != 400:
                raise
            ids = self.client.get("/me/order")
        found: list[tuple[int, float]] = []
        old = 0
        for order in sorted((int(one) for one in ids or []), reverse=True):
            try:
                date = from_iso(str(self.client.get(f"/me/order/{order}")["date"]))
            except (KeyError, ValueError, TypeError):
                raise VpsApiUnreadable(f"OVH's order {order} can't be read") from None
            old = old + 1 if date < at else 0
            if old >= OLD_IN_A_ROW:
                break
            if not old:
                found.append((order, date))
        return found

    def _unexplained(self, order: int, marker: Marker) -> bool:
        """Whether it is of the marker's plan and datacenter, and what it became is there and has no owner's tags."""
        plans = delivery.ordered(self.client, order)
        if (marker.plan_code, marker.region) not in plans and (marker.plan_code, "") not in plans:
            return False
        service = delivery.service_of(self.client, order, marker.plan_code)
        if not service:
            return True
        try:
            iam: Any = (self.client.get(f"/vps/{segment(service)}") or {}).get("iam") or {}
        except NotFound:
            return False  # it has ended
        return not any(str(key).startswith("mngr-") for key in iam.get("tags") or {})


class VpsProvisioningRefused(VpsProvisioningError, OvhApiError):
    """OVH refused the order; nothing was bought."""
