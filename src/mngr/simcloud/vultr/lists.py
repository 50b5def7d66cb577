"""The lists that anyone may read, and the account."""

from __future__ import annotations

from mngr.simcloud.http import Request, Response
from mngr.simcloud.vultr.catalog import PLANS, REGIONS, SYSTEMS
from mngr.simcloud.vultr.paging import page
from mngr.simcloud.vultr.state import State


def plans(request: Request) -> Response:
    family = request.first("type")
    found = [plan.view() for plan in PLANS.values() if family in (None, "", "all", plan.type)]
    return Response(200, page(request, "plans", found))


def regions(request: Request) -> Response:
    return Response(200, page(request, "regions", list(REGIONS.values())))


def systems(request: Request) -> Response:
    return Response(200, page(request, "os", list(SYSTEMS.values())))


def account(state: State) -> Response:
    charges = round(state.core.bill.total(), 2)
    return Response(
        200,
        {
            "account": {
                "name": "A simulated account",
                "email": "account@example.com",
                "acls": ["subscriptions_view", "subscriptions", "provisioning", "billing"],
                "balance": -100.0,
                "pending_charges": charges,
                "last_payment_date": "2020-10-10T01:56:20+00:00",
                "last_payment_amount": -100.0,
            }
        },
    )
