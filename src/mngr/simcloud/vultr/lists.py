"""The lists that anyone may read, and the account."""

from __future__ import annotations

from typing import Any

from mngr.simcloud.call import Call
from mngr.simcloud.vultr.catalog import PLANS, REGIONS, SYSTEMS
from mngr.simcloud.vultr.paging import page
from mngr.simcloud.vultr.state import State


def plans(state: State, call: Call) -> dict[str, Any]:
    family = call.request.first("type")
    found = [plan.view() for plan in PLANS.values() if family in (None, "", "all", plan.type)]
    return page(call, "plans", found)


def regions(state: State, call: Call) -> dict[str, Any]:
    return page(call, "regions", list(REGIONS.values()))


def systems(state: State, call: Call) -> dict[str, Any]:
    return page(call, "os", list(SYSTEMS.values()))


def account(state: State, call: Call) -> dict[str, Any]:
    return {
        "account": {
            "name": "A simulated account",
            "email": "account@example.com",
            "acls": ["subscriptions_view", "subscriptions", "provisioning", "billing"],
            "balance": -100.0,
            "pending_charges": round(state.core.bill.total(), 2),
            "last_payment_date": "2020-10-10T01:56:20+00:00",
            "last_payment_amount": -100.0,
        }
    }
