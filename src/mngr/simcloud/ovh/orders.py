"""`/me/order`: orders, how far they are, and which VPS came of them."""

from __future__ import annotations

from typing import Any

from mngr.simcloud.clock import iso
from mngr.simcloud.ovh import delivery
from mngr.simcloud.ovh.call import Call
from mngr.simcloud.ovh.dates import parse
from mngr.simcloud.ovh.me import PAYMENT_METHOD
from mngr.simcloud.ovh.records import Line, Order
from mngr.simcloud.ovh.state import State
from mngr.simcloud.ovh.vps import listed_at
from mngr.simcloud.ovh.words import bad, invalid_url, not_found

DATES = ("date.from", "date.to")


def list_orders(state: State, call: Call) -> list[int]:
    """Lags. US describes no dates here (docs/clouds-as-they-are.md): see `us_order_dates`."""
    dates = {name: call.query[name] for name in DATES if name in call.query}
    if dates and state.flavour.name == "us" and state.behaviour.us_order_dates != "honoured":
        if state.behaviour.us_order_dates == "refused":
            names = ", ".join(sorted(dates))
            raise bad(f"Received not described parameters: ({names}) while calling listing handler")
        dates = {}
    first = parse(dates["date.from"]) if "date.from" in dates else 0.0
    last = parse(dates["date.to"]) if "date.to" in dates else float("inf")
    orders = state.orders.list(listed_at(state, call, state.behaviour.order_list_lag_s))
    return [order.id for order in orders if first <= order.date <= last]


def get(state: State, call: Call) -> dict[str, Any]:
    """Model `billing.Order`."""
    order = _find(state, call)
    price = state.flavour.price
    tax = round(order.amount * state.flavour.tax, 2)
    return {
        "orderId": order.id,
        "date": iso(order.date),
        "expirationDate": iso(order.expires),
        "retractionDate": None,
        "password": "simulated",
        "pdfUrl": f"https://order.example.com/{order.id}.pdf",
        "url": f"https://order.example.com/{order.id}",
        "priceWithoutTax": price(order.amount),
        "priceWithTax": price(order.amount + tax),
        "tax": price(tax),
    }


def status(state: State, call: Call) -> str:
    return delivery.status(state, _find(state, call))


def details(state: State, call: Call) -> list[int]:
    ids = [line.id for line in _find(state, call).lines]
    return ids[::-1] if state.behaviour.order_lines_reversed else ids


def detail(state: State, call: Call) -> dict[str, Any]:
    """Model `billing.OrderDetail`. `domain` is "*" until the VPS is there, and on US for ever [live]; `*001` for what is no
    VPS."""
    order, line = _line(state, call)
    named = state.flavour.names_in_details
    shown = named and line.service and delivery.shows(state, order, line.service)
    placeholder = "*" if line.service or not named else "*001"
    return {
        "orderDetailId": line.id,
        "domain": line.service if shown else placeholder,
        "description": line.product,
        "detailType": line.type,
        "cancelled": order.cancelled,
        "quantity": "1",
        "unitPrice": state.flavour.price(line.price),
        "totalPrice": state.flavour.price(line.price),
    }


def extension(state: State, call: Call) -> dict[str, Any]:
    """Model `billing.ItemDetail`. In OVH US's schema, and not there by the word of OVH's Terraform provider."""
    if state.flavour.name == "us" and not state.behaviour.us_extension:
        raise invalid_url()
    _, line = _line(state, call)
    return {
        "order": {
            "action": line.action,
            "type": "plan",
            "configurations": [{"label": label, "value": value} for label, value in line.configurations],
            "plan": {
                "code": line.plan,
                "duration": line.duration,
                "pricingMode": line.mode,
                "product": {"name": line.family},
                "quantity": 1,
            },
        }
    }


def operations(state: State, call: Call) -> list[int]:
    order, line = _line(state, call)
    installs = line.action == "installation" and line.service
    return [line.operation] if order.paid is not None and installs else []


def operation(state: State, call: Call) -> dict[str, Any]:
    """Model `service.Operation`: where US says which VPS an order became [live]."""
    order, line = _line(state, call)
    if call.number("operationId") not in operations(state, call):
        raise not_found()
    there = delivery.shows(state, order, line.service)
    now = delivery.status(state, order)
    said = {"delivered": "done", "delivering": "doing", "cancelled": "cancelled"}.get(now, "todo")
    return {
        "id": line.operation,
        "quantity": 1,
        "type": "installation",
        "status": said,
        "resource": {
            "name": line.service if there else None,
            "displayName": line.service if there else "",
            "state": "ok" if there else "opening" if said == "doing" else "toOpen",
        },
    }


def pay(state: State, call: Call) -> None:
    """Pay an order that isn't paid yet, with one of the account's payment methods."""
    order = _find(state, call)
    if delivery.status(state, order) != "notPaid":
        raise bad(f"Order {order.id} can't be paid: it is {delivery.status(state, order)}")
    given = call.body["paymentMethod"]
    if not isinstance(given, dict) or not isinstance(given.get("id"), int):
        raise bad("[paymentMethod] Given data is not valid for type billing.order.PayWithPaymentMethod")
    if given["id"] != PAYMENT_METHOD:
        raise bad(f"[paymentMethod.id] {given['id']} can't be used for this order")
    if not state.behaviour.payment_method or "payment_refused" in call.request.faults:
        raise bad("The payment was refused")
    delivery.pay(state, order, faults=call.request.faults)


def _find(state: State, call: Call) -> Order:
    return state.orders.find(str(call.number("orderId")), call.as_of)


def _line(state: State, call: Call) -> tuple[Order, Line]:
    order = _find(state, call)
    wanted = call.number("detailId")
    for line in order.lines:
        if line.id == wanted:
            return order, line
    raise not_found()
