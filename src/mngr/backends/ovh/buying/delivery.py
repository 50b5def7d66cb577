"""How far an order is, and which VPS it became. Comparing `/vps` before and after picks the wrong one."""

import contextlib
from collections.abc import Iterator
from typing import Any

from mngr.backends.ovh.answers import understood
from mngr.backends.ovh.client import OvhClient
from mngr.model.errors import NotFound
from mngr.vps_docker.errors import VpsApiError, VpsApiUnreadable, VpsProvisioningError

#: What people are told of an order's status.
SAID = {
    "notPaid": "not paid: OVH couldn't charge the preferred payment method",
    "documentsRequested": "in review: OVH wants documents from you",
    "checking": "not delivered yet (checking)",
    "delivering": "not delivered yet (delivering)",
    "unknown": "not delivered yet (unknown)",
}


class OrderCancelled(VpsProvisioningError):
    """Nothing will come of this order."""


def status(client: OvhClient, order: int) -> str:
    """`GET /me/order/{o}/status`: cancelled, cancelling, checking, delivered, delivering, documentsRequested, notPaid,
    unknown."""
    found = client.get(f"/me/order/{order}/status")
    if not isinstance(found, str):
        raise VpsApiUnreadable(f"OVH's status of order {order} can't be read")
    return found


def delivered(client: OvhClient, order: int, plan: str) -> tuple[str, str]:
    """(status, service); service is "" while the order doesn't name it. Raises OrderCancelled.

    An order that OVH doesn't know (yet) is `unknown`: OVH forgets none, but a fresh one may not show.
    """
    try:
        now = status(client, order)
    except NotFound:
        return "unknown", ""
    if now == "cancelled":
        raise OrderCancelled(
            f"OVH cancelled order {order}: nothing was delivered",
            hint="OVH pays back what was paid; look at the order on OVH's page, and run the command again",
        )
    try:
        return now, service_of(client, order, plan)
    except NotFound:
        return now, ""


def refuse_stuck(order: int, now: str) -> None:
    """Raises VpsProvisioningError where an order waits for a person."""
    page = "https://www.ovh.com/manager/ (Orders)"
    rest = f"it is remembered: once OVH delivers it, `mngr gc` cancels its renewal and keeps it for the next create; {page}"
    if now == "notPaid":
        raise VpsProvisioningError(
            f"order {order} isn't paid: OVH couldn't charge the preferred payment method", hint=rest
        )
    if now == "documentsRequested":
        raise VpsProvisioningError(
            f"OVH holds order {order} in review, and wants documents from you", hint=rest
        )


def service_of(client: OvhClient, order: int, plan: str) -> str:
    """The VPS that an order became, "" while it doesn't say. Its lines come in any order, and one is for the VPS's system;
    the VPS's have its plan. Where OVH tells no plans, a VPS is what has a DNS name."""
    likely = ""
    with understood(f"OVH's details of order {order}"):
        for detail in _details(client, order):
            path = f"/me/order/{order}/details/{detail}"
            domain = str((client.get(path) or {}).get("domain") or "*")
            code = _plan(client, path)
            if code not in ("", plan):
                continue
            name = next((one for one in _names(client, path, domain) if code or "." in one), "")
            if name and code:
                return name
            likely = likely or name
    return likely


def _names(client: OvhClient, path: str, domain: str) -> Iterator[str]:
    """What a line says that it became. EU: its `domain`; US, where that is "*": the `resource.name` of an operation. A
    placeholder (`*`, `*001`) is no name."""
    if not domain.startswith("*"):
        yield domain
    yield from (name for name in _operations(client, path) if name and not name.startswith("*"))


def ordered(client: OvhClient, order: int) -> set[tuple[str, str]] | None:
    """(plan, datacenter) of what an order installs: a renewal looks the same but for its `action`. None: OVH doesn't say
    (OVH US describes `extension`, and its own Terraform provider says that it isn't there). Raises NotFound, Unreadable."""
    found = set()
    details, told = _details(client, order), False
    for detail in details:
        with understood(f"OVH's extension of order {order}"):
            extension = _extension(client, f"/me/order/{order}/details/{detail}")
            told = told or bool(extension)
            rows = extension.get("configurations") or []
            where = next((str(row.get("value")) for row in rows if row.get("label") == "vps_datacenter"), "")
            code = str((extension.get("plan") or {}).get("code") or "")
            if code and extension.get("action") in (None, "installation"):
                found.add((code, where))
    return found if told or not details else None


def _details(client: OvhClient, order: int) -> list[int]:
    found = client.get(f"/me/order/{order}/details")
    if not isinstance(found, list):
        raise VpsApiUnreadable(f"OVH's details of order {order} can't be read")
    return found


def _extension(client: OvhClient, path: str) -> dict[str, Any]:
    with _where_served():
        return (client.get(f"{path}/extension") or {}).get("order") or {}
    return {}


def _plan(client: OvhClient, path: str) -> str:
    return str((_extension(client, path).get("plan") or {}).get("code") or "")


def _operations(client: OvhClient, path: str) -> list[str]:
    with _where_served():
        return [
            str(((client.get(f"{path}/operations/{one}") or {}).get("resource") or {}).get("name") or "")
            for one in client.get(f"{path}/operations") or []
        ]
    return []


@contextlib.contextmanager
def _where_served() -> Iterator[None]:
    """Around a call that OVH serves on one side of the Atlantic only: elsewhere nothing happens in here."""
    try:
        yield
    except NotFound:
        pass
    except VpsApiError as error:
        if error.status not in (404, 405):
            raise
