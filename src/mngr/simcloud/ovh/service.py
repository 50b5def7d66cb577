"""`/vps/{s}/serviceInfos`: until when a service is paid, and whether it will be paid again."""

from __future__ import annotations

from typing import Any

from mngr.simcloud.ovh.call import Call
from mngr.simcloud.ovh.dates import day
from mngr.simcloud.ovh.records import Vps
from mngr.simcloud.ovh.state import NICHANDLE, State
from mngr.simcloud.ovh.words import bad

RENEWAL_TYPES = (
    *("automaticForcedProduct", "automaticV2012", "automaticV2014", "automaticV2016"),
    *("manual", "oneShot", "option"),
)
FIELDS = (
    *("canDeleteAtExpiration", "contactAdmin", "contactBilling", "contactTech", "creation", "domain"),
    *("engagedUpTo", "expiration", "possibleRenewPeriod", "renew", "renewalType", "serviceId", "status"),
)
PERIODS = [1, 6, 12]
"""`possibleRenewPeriod`: months."""
RENEW_FIELDS = ("automatic", "deleteAtExpiration", "forced", "manualPayment", "period")


def get(state: State, call: Call) -> dict[str, Any]:
    return view(state.vps.find(call.parts["serviceName"], call.as_of))


def view(vps: Vps) -> dict[str, Any]:
    """Model `services.Service`. `canDeleteAtExpiration` is false for VPSs that can be cancelled all the same [live]."""
    return {
        "domain": vps.name,
        "serviceId": vps.id,
        "status": vps.status,
        "creation": day(vps.ordered),
        "expiration": day(vps.expires),
        "engagedUpTo": day(vps.engaged_until) if vps.engaged_until is not None else None,
        "contactAdmin": NICHANDLE,
        "contactBilling": NICHANDLE,
        "contactTech": NICHANDLE,
        "canDeleteAtExpiration": False,
        "possibleRenewPeriod": PERIODS,
        "renewalType": vps.renewal_type,
        "renew": {
            "automatic": vps.automatic,
            "deleteAtExpiration": vps.delete_at_expiration,
            "forced": vps.forced,
            "manualPayment": vps.manual_payment,
            "period": vps.period,
        },
    }


def put(state: State, call: Call) -> None:
    """Takes the whole service; `renew` and `renewalType` are what counts."""
    vps = state.vps.find(call.parts["serviceName"])
    now = state.now()
    if vps.delivered is None or now < vps.delivered + state.behaviour.subscription_inactive_s:
        raise bad("Unable to synchronize l1::Service, subscription is not active yet")
    if vps.status == "expired":
        raise bad("This service is expired")
    renew = call.body.get("renew")
    if renew is not None and not isinstance(renew, dict):
        raise bad("[renew] Given data is not valid for type service.RenewType")
    changes = _renew(renew or {})
    if call.body.get("renewalType") is not None:
        changes["renewal_type"] = call.text("renewalType")
        if changes["renewal_type"] not in RENEWAL_TYPES:
            raise bad("[renewalType] Given data does not belong to the RenewalTypeEnum enumeration")
    if changes.get("delete_at_expiration") and state.behaviour.cancel_resets_renewal:
        changes |= {"automatic": False, "renewal_type": "manual"}
    state.change(vps.name, **changes)


def _renew(given: dict[str, Any]) -> dict[str, Any]:
    """Fields that aren't given keep their values."""
    if unknown := set(given) - set(RENEW_FIELDS):
        raise bad(
            f"Received not described parameters: ({', '.join(sorted(unknown))}) while calling update handler"
        )
    changes: dict[str, Any] = {}
    for name, attribute in (
        ("automatic", "automatic"),
        ("deleteAtExpiration", "delete_at_expiration"),
        ("forced", "forced"),
        ("manualPayment", "manual_payment"),
    ):
        if name not in given:
            continue
        if not isinstance(given[name], bool) and not (name == "manualPayment" and given[name] is None):
            raise bad(f"[renew.{name}] Given data ({given[name]}) is not valid for type boolean")
        changes[attribute] = given[name]
    if "period" in given:
        period = given["period"]
        if period is not None and (not isinstance(period, int) or isinstance(period, bool)):
            raise bad(f"[renew.period] Given data ({period}) is not valid for type long")
        if period is not None and period not in PERIODS:
            raise bad(f"[renew.period] Given data ({period}) is none of {PERIODS}")
        changes["period"] = period
    return changes
