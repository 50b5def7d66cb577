"""What OVH sells and what it costs, asked before anything is spent: `GET /order/cart/{c}/vps` and a cart's rules."""

import contextlib
import time
from collections.abc import Callable
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


@understood("OVH's catalogue")
def check(
    client: OvhClient, config: OvhConfig, spec: MachineSpec, read: Callable[[list[str]], None]
) -> Offer:
    """The price of a fresh order, as of now; `read` is told the names of all plans. Raises InvalidInput naming the valid plans, datacenters or images,
    Unreadable."""
    # A cart of nobody's, to look with; it expires by itself.
    body = {"ovhSubsidiary": client.me()["ovhSubsidiary"], "description": "mngr: looking"}
    cart = "/order/cart/" + segment(str(client.post("/order/cart", body, repeat=True)["cartId"]))
    plans = list(client.get(f"{cart}/vps") or [])
    if not plans:
        raise VpsApiUnreadable("OVH's catalogue of VPSs is empty")
    read([str(one.get("planCode")) for one in plans])
    row = next((one for one in plans if one.get("planCode") == spec.plan), None)
    if row is None:
        known = ", ".join(sorted(str(one.get("planCode")) for one in plans))
        raise InvalidInput(f"OVH has no VPS plan {spec.plan!r} here", hint=f"one of {known}")
    sold = {(one.get("pricingMode"), one.get("duration")): one for one in reversed(row.get("prices") or [])}
    mode, duration = config.pricing_mode, _duration(config)
    price = sold.get((mode, duration))
    if price is None:
        modes = sorted(f"{mode} ({length})" for (mode, length), one in sold.items() if one.get("interval"))
        raise InvalidInput(
            f"OVH doesn't sell {spec.plan} as {mode} for {duration}", hint=f"one of {', '.join(modes)}"
        )
    _check_configuration(client, config, cart, spec)
    months = max(1, int(price.get("interval") or 1))
    amount = _amount(price)
    return Offer(
        plan=spec.plan, region=spec.region, image=spec.image, per_month=round(amount / months, 2), due_now=amount,
        agreed=config.assume_yes, currency=str((price.get("price") or {}).get("currencyCode") or "USD"),
        term_months=months, renews_on=_day(client.now(), months), may_recycle=config.recycles,
    )  # fmt: skip


def _check_configuration(client: OvhClient, config: OvhConfig, cart: str, spec: MachineSpec) -> None:
    """`allowedValues` stands in no schema: where it is missing, the cart tells when it is configured."""
    allowed = _allowed(client, config, cart, spec)
    for label, value, what in ((DATACENTER, spec.region, "datacenter"), (SYSTEM, spec.image, "image")):
        values = allowed.get(label)
        if values and value not in values:
            raise InvalidInput(
                f"OVH doesn't offer {what} {value!r} for {spec.plan}", hint=f"one of {', '.join(values)}"
            )


def _allowed(client: OvhClient, config: OvhConfig, cart: str, spec: MachineSpec) -> dict[str, list[str]]:
    path = f"{cart}/item/{client.post(f'{cart}/vps', item(config, spec.plan), repeat=True)['itemId']}"
    try:
        rows = client.get(f"{path}/requiredConfiguration") or []
        found = {str(row["label"]): [str(one) for one in row.get("allowedValues") or []] for row in rows}
        if not found.get(DATACENTER):
            found[DATACENTER] = _datacenters(client, spec)
        return found
    finally:
        with contextlib.suppress(
            NotFound, VpsApiError
        ):  # a cart that was only looked with is thrown away anyway
            client.delete(path)


def _datacenters(client: OvhClient, spec: MachineSpec) -> list[str]:
    params = {"ovhSubsidiary": str(client.me()["ovhSubsidiary"]), "planCode": spec.plan}
    try:
        rows = (client.get("/vps/order/rule/datacenter", params) or {}).get("datacenters") or []
        return [str(row["datacenter"]) for row in rows]
    except (NotFound, VpsApiUnreadable, KeyError, TypeError):
        return []


def item(config: OvhConfig, plan: str) -> dict[str, Any]:
    """The body of `POST /order/cart/{c}/vps`. No options: least of all a backup."""
    mode = config.pricing_mode
    return {"planCode": plan, "duration": _duration(config), "pricingMode": mode, "quantity": 1}


def _duration(config: OvhConfig) -> str:
    """What goes with the pricing mode; the config's own where that is the default mode's."""
    mode = config.pricing_mode
    return config.duration if mode == "default" else DURATIONS[mode]


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
