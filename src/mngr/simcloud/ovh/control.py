"""What the control interface has for OVH alone: behaviour, credentials, stuck orders, VPSs from before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mngr.simcloud.clock import iso
from mngr.simcloud.http import Request
from mngr.simcloud.match import refuse_unknown
from mngr.simcloud.ovh import delivery
from mngr.simcloud.ovh.auth import TOKEN_PATH
from mngr.simcloud.ovh.credentials import EVERYTHING, Credential, parse_rules
from mngr.simcloud.ovh.me import rules
from mngr.simcloud.ovh.records import Order
from mngr.simcloud.ovh.seed import seed
from mngr.simcloud.ovh.state import State


def routes(state: State) -> dict[tuple[str, str], Callable[[Request], Any]]:
    return {
        **state.behaviour.controls(state.core.lock),
        ("GET", "/credentials"): lambda request: {
            "token_path": TOKEN_PATH,
            "credentials": [_view(state, credential) for credential in state.credentials.all()],
        },
        ("POST", "/credentials"): lambda request: _credentials(state, request),
        ("POST", "/seed_vps"): lambda request: {"services": seed(state, request.json())},
        ("GET", "/orders"): lambda request: _orders(state),
        ("POST", "/orders/release"): lambda request: _release(state, request),
    }


def _credentials(state: State, request: Request) -> dict[str, Any]:
    """Make one with fewer rights (`allow` or `without` a list of rules), or end one (`expire` its name)."""
    data = request.json()
    refuse_unknown("credentials", data, ("kind", "allow", "without", "expire"))
    if name := data.get("expire"):
        credential = state.credentials.by_name(name)
        if credential is None:
            raise ValueError(f"credentials: no {name} here")
        credential.status = "expired"
        return _view(state, credential)
    kind = data.get("kind", "keys")
    if kind not in ("keys", "oauth2"):
        raise ValueError("credentials: kind is keys or oauth2")
    allowed = parse_rules(data["allow"]) if "allow" in data else EVERYTHING
    denied = parse_rules(data.get("without", []))
    return _view(state, state.credentials.make(kind, state.now(), allowed, denied))


def _view(state: State, credential: Credential) -> dict[str, Any]:
    return {
        "kind": credential.kind,
        "name": credential.name,
        "status": credential.status,
        "env": credential.env(),
        "rules": rules(state, credential),
    }


def _orders(state: State) -> dict[str, Any]:
    with state.core.lock:
        return {"orders": [_order(state, order) for order in state.orders.list()]}


def _order(state: State, order: Order) -> dict[str, Any]:
    return {
        "id": order.id,
        "date": iso(order.date),
        "status": delivery.status(state, order),
        "amount": order.amount,
        "services": order.services(),
        "plans": sorted({line.plan for line in order.lines if line.service}),
        "action": order.lines[0].action,
    }


def _release(state: State, request: Request) -> dict[str, Any]:
    """Let stuck orders go on (`then`: deliver), or end them (cancel); one, or all of them."""
    data = request.json()
    then, only = data.get("then", "deliver"), data.get("order")
    if then not in ("deliver", "cancel"):
        raise ValueError(f"orders: then is deliver or cancel, not {then!r}")
    with state.core.lock:
        chosen = [
            order
            for order in state.orders.list()
            if only in (None, order.id) and not order.cancelled and _waits(state, order, then)
        ]
        for order in chosen:
            (delivery.release if then == "deliver" else delivery.cancel)(state, order)
    return {"released": [order.id for order in chosen]}


def _waits(state: State, order: Order, then: str) -> bool:
    """Whether there is something to release; an order that is on its way can be cancelled only."""
    undelivered = any(name in state.ordered for name in order.services())
    return undelivered and (bool(order.stuck) or then == "cancel")
