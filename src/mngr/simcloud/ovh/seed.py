"""VPSs that an account had before: listed, tagged and billed, without a machine until somebody rebuilds one."""

from __future__ import annotations

import secrets
import uuid
from typing import Any

from mngr.simcloud.match import refuse_unknown
from mngr.simcloud.ovh.bills import Paid
from mngr.simcloud.ovh.catalog import MONTHS, PLANS, duration
from mngr.simcloud.ovh.dates import DAY_S, add_months
from mngr.simcloud.ovh.flavour import address6
from mngr.simcloud.ovh.records import Line, Order, Vps
from mngr.simcloud.ovh.state import State

KNOWN = ("count", "plan", "datacenter", "image", "tags", "cancelled", "age_days", "state", "display_name")


def seed(state: State, data: dict[str, Any]) -> list[str]:
    """Make `count` VPSs as `POST /seed_vps` describes them; their names. Raises ValueError if it can't be meant so."""
    refuse_unknown("seed_vps", data, KNOWN)
    plan, where = (
        data.get("plan", "vps-2025-model1"),
        data.get("datacenter", state.flavour.datacenters[0].name),
    )
    if plan not in PLANS or state.flavour.datacenter(where) is None:
        raise ValueError(f"seed_vps: no plan {plan} in {where} here")
    with state.core.lock:
        names = [_one(state, plan, where, data) for _ in range(int(data.get("count", 1)))]
        state.tell_names()
        return names


def _one(state: State, plan: str, where: str, data: dict[str, Any]) -> str:
    now = state.now()
    ordered = now - float(data.get("age_days", 10)) * DAY_S
    ends, months = add_months(ordered, 1), 1
    while ends <= now:
        months += 1
        ends = add_months(ordered, months)
    price, cancelled = PLANS[plan].price(state.flavour, "default"), bool(data.get("cancelled", False))
    number = secrets.token_hex(4)
    vps = Vps(
        name=f"vps-{number}.{state.flavour.domain}",
        id=state.next_id(),
        iam_id=str(uuid.uuid4()),
        order=state.next_id(),
        plan=plan,
        datacenter=where,
        image=data.get("image", "Debian 12 - Docker"),
        mode="default",
        ordered=ordered,
        delivered=ordered,
        expires=ends,
        paid=round(price * months, 2),
        display_name=data.get("display_name", ""),
        address=_address(state.next_id()),
        address6=address6(number),
        power=data.get("state", "running"),
        machine=False,
        automatic=not cancelled,
        delete_at_expiration=cancelled,
        renewal_type="manual" if cancelled else "automaticV2012",
    )
    state.vps.put(vps.name, vps, since=ordered)
    _put_order(state, vps, price)
    for key, value in data.get("tags", {}).items():
        state.tags.write(vps.name, key, value, at=ordered)
    tags = tuple(f"{key}={value}" for key, value in data.get("tags", {}).items())
    state.core.bill.open(vps.name, "vps", vps.name, tags, Paid(vps.paid))
    return vps.name


def _put_order(state: State, vps: Vps, price: float) -> None:
    line = Line(
        id=state.next_id(),
        operation=state.next_id(),
        service=vps.name,
        plan=vps.plan,
        product=PLANS[vps.plan].product,
        mode=vps.mode,
        duration=duration(vps.mode),
        type="DURATION",
        action="installation",
        price=price * MONTHS[vps.mode],
        configurations=(("vps_datacenter", vps.datacenter), ("vps_os", vps.image)),
    )
    order = Order(vps.order, vps.ordered, vps.ordered + DAY_S, (line,), paid=vps.ordered)
    state.orders.put(order.id_text, order, since=vps.ordered)


def _address(number: int) -> str:
    """Out of 198.18.0.0/15, which no network routes (RFC 2544): nothing answers there."""
    return f"198.{18 + number // 65536 % 2}.{number // 256 % 256}.{number % 256}"
