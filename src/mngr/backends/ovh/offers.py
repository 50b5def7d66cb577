"""What OVH sells and what it costs, asked before anything is spent: `GET /order/cart/{c}/vps` and a cart's rules."""

import threading
import time
from typing import Any

from mngr.backends.ovh.answers import understood
from mngr.backends.ovh.client import OvhClient
from mngr.backends.ovh.config import DURATIONS, OvhConfig
from mngr.model.errors import InvalidInput, NotFound
from mngr.model.views import Offer
from mngr.vps_docker.errors import VpsApiError, VpsApiUnreadable
from mngr.vps_docker.http import segment
from mngr.vps_docker.vps_client import MachineSpec

#: Labels of a cart item's configuration.
DATACENTER, SYSTEM = "vps_datacenter", "vps_os"
#: OVH's own monitoring, which a VPS of ours hasn't: `no` or `if_available`.
MONITORING, NO_MONITORING = "vps_install_rtm", "no"
UCENTS = 100_000_000


class Offers:
    """Catalogue of one account, asked for once a check: prices are of now, and a cart to look with ends after a day."""

    def __init__(self, client: OvhClient, config: OvhConfig) -> None:
        self.client = client
        self.config = config
        self._lock = threading.Lock()
        self._catalogue: list[dict[str, Any]] | None = None
        self._cart = ""

    @property
    def duration(self) -> str:
        """What goes with the pricing mode; the config's own where that is the default mode's."""
        mode = self.config.pricing_mode
        return self.config.duration if mode == "default" else DURATIONS[mode]

    @understood("OVH's catalogue")
    def check(self, spec: MachineSpec) -> Offer:
        """The price of a fresh order. Raises InvalidInput naming the valid plans, datacenters or images, Unreadable."""
        with self._lock:
            self._catalogue, self._cart = None, ""
        plans = self._plans()
        row = next((one for one in plans if one.get("planCode") == spec.plan), None)
        if row is None:
            known = ", ".join(sorted(str(one.get("planCode")) for one in plans))
            raise InvalidInput(f"OVH has no VPS plan {spec.plan!r} here", hint=f"one of {known}")
        mode = self.config.pricing_mode
        prices = [
            one
            for one in row.get("prices") or []
            if one.get("pricingMode") == mode and one.get("duration") == self.duration
        ]
        if not prices:
            modes = sorted(
                {
                    f"{one.get('pricingMode')} ({one.get('duration')})"
                    for one in row.get("prices") or []
                    if one.get("interval")
                }
            )
            raise InvalidInput(
                f"OVH doesn't sell {spec.plan} as {mode} for {self.duration}",
                hint=f"one of {', '.join(modes)}",
            )
        self._check_configuration(spec)
        months = max(1, int(prices[0].get("interval") or 1))
        amount = _amount(prices[0])
        currency = str((prices[0].get("price") or {}).get("currencyCode") or "USD")
        now = self.client.now()
        return Offer(
            plan=spec.plan,
            region=spec.region,
            image=spec.image,
            per_month=round(amount / months, 2),
            due_now=amount,
            agreed=self.config.assume_yes,
            currency=currency,
            term_months=months,
            renews_on=_day(now, months),
            may_recycle=bool(
                self.config.enable_recycle_cancelled and self.config.recycle_max_candidates_considered
            ),
        )

    def _plans(self) -> list[dict[str, Any]]:
        with self._lock:
            if self._catalogue is None:
                self._catalogue = list(self.client.get(f"/order/cart/{segment(self._cart_id())}/vps") or [])
                if not self._catalogue:
                    raise VpsApiUnreadable("OVH's catalogue of VPSs is empty")
            return self._catalogue

    def _cart_id(self) -> str:
        """A cart of nobody's, to look with; it expires by itself."""
        if not self._cart:
            body = {"ovhSubsidiary": self.client.me()["ovhSubsidiary"], "description": "mngr: looking"}
            self._cart = str(self.client.post("/order/cart", body, repeat=True)["cartId"])
        return self._cart

    def _check_configuration(self, spec: MachineSpec) -> None:
        """`allowedValues` stands in no schema: where it is missing, the cart tells when it is configured."""
        allowed = self._allowed(spec)
        for label, value, what in (
            (DATACENTER, spec.region, "datacenter"),
            (SYSTEM, spec.image, "image"),
        ):
            values = allowed.get(label)
            if values and value not in values:
                raise InvalidInput(
                    f"OVH doesn't offer {what} {value!r} for {spec.plan}", hint=f"one of {', '.join(values)}"
                )

    def _allowed(self, spec: MachineSpec) -> dict[str, list[str]]:
        with self._lock:
            cart = segment(self._cart_id())
            item = self.client.post(f"/order/cart/{cart}/vps", self.item(spec.plan), repeat=True)["itemId"]
            path = f"/order/cart/{cart}/item/{item}"
            try:
                rows = self.client.get(f"{path}/requiredConfiguration") or []
                found = {
                    str(row["label"]): [str(one) for one in row.get("allowedValues") or []] for row in rows
                }
                if not found.get(DATACENTER):
                    found[DATACENTER] = self._datacenters(spec)
                return found
            finally:
                try:
                    self.client.delete(path)
                except (NotFound, VpsApiError):
                    pass  # a cart that was only looked with is thrown away anyway

    def _datacenters(self, spec: MachineSpec) -> list[str]:
        params = {"ovhSubsidiary": str(self.client.me()["ovhSubsidiary"]), "planCode": spec.plan}
        try:
            rows = (self.client.get("/vps/order/rule/datacenter", params) or {}).get("datacenters") or []
            return [str(row["datacenter"]) for row in rows]
        except (NotFound, VpsApiUnreadable, KeyError, TypeError):
            return []

    def item(self, plan: str) -> dict[str, Any]:
        """The body of `POST /order/cart/{c}/vps`. No options: least of all a backup."""
        mode = self.config.pricing_mode
        return {"planCode": plan, "duration": self.duration, "pricingMode": mode, "quantity": 1}


def _amount(price: dict[str, Any]) -> float:
    if price.get("priceInUcents") is not None:
        return round(int(price["priceInUcents"]) / UCENTS, 2)
    value = price.get("price")
    amount = value.get("value") if isinstance(value, dict) else value
    return round(float(amount or 0), 2)


def _day(now: float, months: int) -> str:
    """The date `months` from now; the last of the month where that has no such day."""
    import calendar

    at = time.gmtime(now)
    year, month = divmod(at.tm_year * 12 + at.tm_mon - 1 + months, 12)
    day = min(at.tm_mday, calendar.monthrange(year, month + 1)[1])
    return f"{year:04d}-{month + 1:02d}-{day:02d}"
