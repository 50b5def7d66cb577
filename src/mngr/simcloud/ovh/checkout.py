"""`/order/cart/{c}/checkout`: what a cart would cost, and buying it. There is no idempotency key."""

from __future__ import annotations

import secrets
import uuid
from typing import Any

from mngr.simcloud.call import ApiError
from mngr.simcloud.faults import Fault
from mngr.simcloud.ovh import carts, delivery
from mngr.simcloud.ovh.call import Call
from mngr.simcloud.ovh.catalog import PLANS, SYSTEM_FAMILY, system_code
from mngr.simcloud.ovh.dates import DAY_S, add_months
from mngr.simcloud.ovh.flavour import address6
from mngr.simcloud.ovh.records import Cart, Item, Line, Order, Vps
from mngr.simcloud.ovh.state import State
from mngr.simcloud.ovh.words import bad

UNPAID_DAYS = 7
STUCK = ("checking", "documentsRequested")


def preview(state: State, call: Call) -> dict[str, Any]:
    """Spends nothing."""
    cart = _ready(state, call)
    lines = [line for item in cart.items.values() for line in _lines(state, item, "*")]
    return _view(state, lines, None)


def checkout(state: State, call: Call) -> dict[str, Any]:
    """Order what is in the cart; paid at once if asked, else `notPaid` until somebody pays it."""
    cart = _ready(state, call)
    if cart.read_only and not state.behaviour.cart_reusable:
        raise bad(f"Cart {cart.id} has already been validated")
    pays, faults = call.flag("autoPayWithPreferredPaymentMethod"), call.request.faults
    call.flag("waiveRetractationPeriod")
    if pays and not state.behaviour.payment_method:
        raise bad("No preferred payment method found, please add one to your account")
    refuse_without_stock(state, cart)
    now = state.now()
    lines: list[Line] = []
    for item in cart.items.values():
        for _ in range(item.quantity):
            vps = _vps(state, item, now)
            state.ordered[vps.name] = vps
            lines += _lines(state, item, vps.name)
    order = Order(state.next_id(), now, now + UNPAID_DAYS * DAY_S, tuple(lines))
    for name in order.services():
        delivery.amend(state, name, order=order.id)
    state.orders.put(order.id_text, order)
    cart.read_only = True
    if pays and "payment_refused" not in faults:
        delivery.pay(state, order, stuck=_stuck(faults), faults=faults)
    return _view(state, lines, order.id)


def refuse_without_stock(state: State, cart: Cart) -> None:
    for item in cart.items.values():
        where = dict(item.configurations.values())[carts.DATACENTER]
        if where in state.behaviour.out_of_stock:
            raise no_stock(item.plan, where)


def no_stock(plan: str, where: str) -> ApiError:
    return ApiError(400, f"{plan} is out of stock in {where}")


def _stuck(faults: dict[str, Fault]) -> str:
    fault = faults.get("order_stuck")
    return "" if fault is None else fault.how if fault.how in STUCK else STUCK[0]


def _ready(state: State, call: Call) -> Cart:
    """A cart that can be bought: ours, not empty, and fully configured."""
    cart = carts.find(state, call)
    if not cart.assigned:
        raise ApiError(403, f"Cart {cart.id} is not assigned to your account")
    if not cart.items:
        raise bad(f"Cart {cart.id} is empty")
    for item in cart.items.values():
        present = {label for label, _ in item.configurations.values()}
        if missing := [label for label in carts.needed_labels(state) if label not in present]:
            raise bad(f"Missing configuration(s) for item {item.id}: {', '.join(missing)}")
    return cart


def _vps(state: State, item: Item, now: float) -> Vps:
    """The service that this order will deliver."""
    number = secrets.token_hex(4)
    name = f"vps-{number}.{state.flavour.domain}"
    configured = dict(item.configurations.values())
    months = int(item.duration[1:-1])
    ends = add_months(now, months)
    return Vps(
        name=name,
        id=state.next_id(),
        iam_id=str(uuid.uuid4()),
        order=0,
        plan=item.plan,
        datacenter=configured[carts.DATACENTER],
        image=configured[carts.SYSTEM],
        mode=item.mode,
        ordered=now,
        expires=ends,
        engaged_until=ends if months > 1 else None,
        period=months,
        paid=0.0,
        address6=address6(number),
    )


def _lines(state: State, item: Item, service: str) -> list[Line]:
    """The time that is paid for, the installation, and the system, which are free."""
    plan = PLANS[item.plan]
    common = {
        "service": service,
        "plan": item.plan,
        "product": plan.product,
        "mode": item.mode,
        "action": "installation",
        "configurations": tuple(item.configurations.values()),
    }
    vps = [
        Line(id=state.next_id(), operation=state.next_id(), type=type, duration=length, price=price, **common)
        for type, length, price in (
            ("DURATION", item.duration, plan.price(state.flavour, item.mode)),
            ("INSTALLATION", "P0D", 0.0),
        )
    ]
    return [*vps, _system_line(state, item)]


def _system_line(state: State, item: Item) -> Line:
    """What is installed has a line of its own, with a plan code of its own, and names no VPS [client]."""
    name = dict(item.configurations.values())[carts.SYSTEM]
    return Line(
        id=state.next_id(),
        operation=state.next_id(),
        service="",
        plan=system_code(name),
        product=name,
        mode=item.mode,
        duration=item.duration,
        type="DURATION",
        action="installation",
        price=0.0,
        configurations=(),
        family=SYSTEM_FAMILY,
    )


def _view(state: State, lines: list[Line], order: int | None) -> dict[str, Any]:
    """Model `order.Order`."""
    price = state.flavour.price
    without = round(sum(line.price for line in lines), 2)
    tax = round(without * state.flavour.tax, 2)
    return {
        "orderId": order,
        "url": None if order is None else f"https://order.example.com/{order}",
        "contracts": [],
        "details": [
            {
                "cartItemID": None,
                "description": line.product,
                "detailType": line.type,
                "domain": "*",
                "quantity": 1,
                "unitPrice": price(line.price),
                "totalPrice": price(line.price),
                "originalTotalPrice": price(line.price),
                "reductionTotalPrice": price(0),
                "reductions": [],
            }
            for line in lines
        ],
        "prices": {
            "originalWithoutTax": price(without),
            "reduction": price(0),
            "tax": price(tax),
            "withTax": price(without + tax),
            "withoutTax": price(without),
        },
    }
