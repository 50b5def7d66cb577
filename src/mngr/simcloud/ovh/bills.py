"""What falls due as time passes: renewals, expirations, and the end of what expired."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mngr.simcloud.ovh import machine
from mngr.simcloud.ovh.catalog import MONTHS, PLANS, duration
from mngr.simcloud.ovh.dates import DAY_S, add_months
from mngr.simcloud.ovh.records import Line, Order, Vps
from mngr.simcloud.ovh.state import State

EXPIRED_DAYS = 7
"""How long a VPS that was not renewed, and not cancelled either, is kept switched off [infer]."""


@dataclass(frozen=True)
class Paid:
    """A bill's rate where all is paid in advance: what was paid so far."""

    amount: float

    def cost(self, hours: float) -> float:
        return round(self.amount, 2)


def catch_up(state: State) -> None:
    """Do what is due by now, month by month. Under the core's lock."""
    now = state.now()
    for vps in state.vps.list():
        _bring_up_to(state, vps, now)


def _bring_up_to(state: State, vps: Vps, now: float) -> None:
    while vps.status != "expired" and vps.expires <= now:
        due = vps.expires
        if vps.delete_at_expiration:
            return _remove(state, vps)
        if vps.renews and state.behaviour.payment_method:
            vps = _renew(state, vps)
        else:
            vps = replace(vps, status="expired", gone_at=vps.expires + EXPIRED_DAYS * DAY_S)
            machine.suspend(state, vps)
        state.vps.put(vps.name, vps, since=due)
    if vps.gone_at is not None and vps.gone_at <= now:
        _remove(state, vps)


def _renew(state: State, vps: Vps) -> Vps:
    """Paid again, by an order that looks much like the first: only its action says `renew`."""
    plan = PLANS[vps.plan]
    price = plan.price(state.flavour, vps.mode)
    renewed = replace(vps, expires=add_months(vps.expires, MONTHS[vps.mode]), paid=round(vps.paid + price, 2))
    line = Line(
        id=state.next_id(),
        operation=state.next_id(),
        service=vps.name,
        plan=vps.plan,
        product=plan.product,
        mode=vps.mode,
        duration=duration(vps.mode),
        type="RENEW",
        action="renew",
        price=price,
        configurations=(),
    )
    order = Order(state.next_id(), vps.expires, vps.expires, (line,), paid=vps.expires)
    state.orders.put(order.id_text, order, since=vps.expires)
    state.core.bill.change(vps.name, rate=Paid(renewed.paid))
    return renewed


def _remove(state: State, vps: Vps) -> None:
    state.vps.remove(vps.name)
    state.tell_names()
    state.tags.forget(vps.name)
    state.tasks.pop(vps.name, None)
    state.core.bill.close(vps.name)
    state.machines.end(vps.name)
