"""From a paid order to a VPS, and what can hold it up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mngr.simcloud.faults import Fault
from mngr.simcloud.ovh import machine
from mngr.simcloud.ovh.bills import Paid
from mngr.simcloud.ovh.records import Order
from mngr.simcloud.ovh.state import State


def pay(state: State, order: Order, *, stuck: str = "", faults: dict[str, Fault] | None = None) -> None:
    """Take the money, open the bill of each VPS, and have it delivered unless the order is stuck."""
    paid = replace(order, paid=state.now(), stuck=stuck)
    state.orders.put(order.id_text, paid)
    for name in order.services():
        vps = amend(state, name, paid=sum(line.price for line in order.lines if line.service == name))
        state.core.bill.open(name, "vps", name, (), Paid(vps.paid))
    if not stuck:
        _deliver(state, paid, faults or {})


def release(state: State, order: Order) -> None:
    """A stuck order goes on."""
    state.orders.put(order.id_text, replace(order, stuck=""))
    _deliver(state, order, {})


def cancel(state: State, order: Order) -> None:
    """What was not delivered never will be; its money is paid back."""
    state.orders.put(order.id_text, replace(order, cancelled=True))
    for name in order.services():
        if state.ordered.pop(name, None) is not None:
            state.core.bill.change(name, rate=Paid(0.0))
            state.core.bill.close(name)


def amend(state: State, name: str, **changes: Any) -> Any:
    """Change a VPS that is not delivered yet."""
    state.ordered[name] = replace(state.ordered[name], **changes)
    return state.ordered[name]


def status(state: State, order: Order) -> str:
    """`billing.order.OrderStatusEnum`."""
    now = state.now()
    if order.cancelled or (order.paid is None and now >= order.expires):
        return "cancelled"
    if order.paid is None:
        return "notPaid"
    if order.stuck:
        return order.stuck
    if not any(name in state.ordered for name in order.services()):
        return "delivered"
    return "checking" if now < order.paid + state.behaviour.checking_s else "delivering"


def shows(state: State, order: Order, service: str) -> bool:
    """Whether the order may name that VPS yet."""
    return service not in state.ordered and not order.cancelled


def _deliver(state: State, order: Order, faults: dict[str, Fault]) -> None:
    for name in order.services():
        machine.deliver(state, state.ordered[name], state.now() + state.behaviour.delivery_s, faults)
