"""The activity log: who changed what, and what became of it. Microsoft.Insights/eventtypes/management/values.

https://learn.microsoft.com/azure/azure-monitor/platform/activity-log-schema
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mngr.simcloud.azure import ids
from mngr.simcloud.azure.principals import Principal
from mngr.simcloud.azure.words import refuse
from mngr.simcloud.clock import iso

if TYPE_CHECKING:
    from mngr.simcloud.azure.call import Call
    from mngr.simcloud.azure.state import State

PLATFORM = Principal("Microsoft.Compute", id="11111111-1111-4111-8111-111111111111")
"""Azure itself, when it evicts."""
CLAUSE = re.compile(r"\s*(\w+)\s+(eq|ge|le)\s+'([^']*)'\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Event:
    """`status`: Started or Accepted, then Succeeded or Failed."""

    at: float
    who: Principal
    action: str
    resource: str
    status: str
    sub_status: str = ""
    message: str = ""
    correlation: str = ""
    id: str = field(default_factory=lambda: str(uuid.uuid4()))


def list_events(state: State, call: Call) -> dict[str, Any]:
    """Newest first. It takes `$filter`s as the real one does: of one resource, group or provider, from a time on."""
    wanted = _filter(call.request.first("$filter") or "")
    until = state.now() - state.behaviour.activity_lag_s
    found = [event for event in reversed(state.events) if event.at <= until and wanted(event)]
    return {"value": [_view(state, event) for event in found]}


def _filter(text: str) -> Any:
    clauses = [CLAUSE.fullmatch(part) for part in re.split(r"\s+and\s+", text, flags=re.IGNORECASE)]
    if not text or not all(clauses):
        raise refuse(400, "BadRequest", f"The filter '{text}' can't be understood.")
    asked = [(one[1].lower(), one[2].lower(), one[3]) for one in clauses if one]
    if not any(name == "eventtimestamp" and operator == "ge" for name, operator, _ in asked):
        raise refuse(400, "BadRequest", "The filter must have a start time: eventTimestamp ge '…'.")
    known = {"eventtimestamp", "resourceuri", "resourcegroupname", "resourceprovider", "correlationid"}
    if unknown := {name for name, _, _ in asked} - known:
        raise refuse(
            400, "BadRequest", f"The filter has an unsupported property: {', '.join(sorted(unknown))}."
        )

    def fits(event: Event) -> bool:
        return all(_holds(event, *clause) for clause in asked)

    return fits


def _holds(event: Event, name: str, operator: str, value: str) -> bool:
    if name == "eventtimestamp":
        mine, given = _date(iso(event.at)), _date(value)
        return mine >= given if operator == "ge" else mine <= given
    id = ids.parse(event.resource)
    if name == "resourceuri":
        return ids.below(value, event.resource)
    mine = {"resourcegroupname": id.group, "resourceprovider": id.type.partition("/")[0]}
    return mine.get(name, event.correlation).lower() == value.lower()


def _date(text: str) -> str:
    return re.sub(r"(\.\d+)?(Z|\+00:00)?$", "", text)


def _view(state: State, event: Event) -> dict[str, Any]:
    id = ids.parse(event.resource)
    when = iso(event.at).replace("+00:00", "Z")

    def named(value: str) -> dict[str, str]:
        return {"value": value, "localizedValue": value}

    return {
        "authorization": {"action": event.action, "scope": event.resource},
        "caller": event.who.id,
        "channels": "Operation",
        "claims": {
            "appid": event.who.app,
            "http://schemas.microsoft.com/identity/claims/objectidentifier": event.who.id,
            "http://schemas.microsoft.com/identity/claims/tenantid": state.principals.tenant,
            "idtyp": "app",
        }
        | ({"xms_mirid": event.who.vm} if event.who.vm else {}),
        "correlationId": event.correlation,
        "description": "",
        "eventDataId": event.id,
        "eventName": named("EndRequest" if event.status in ("Succeeded", "Failed") else "BeginRequest"),
        "category": named("Administrative"),
        "id": f"{event.resource}/events/{event.id}/ticks/{int(event.at * 1e7)}",
        "level": "Error" if event.status == "Failed" else "Informational",
        "resourceGroupName": id.group,
        "resourceProviderName": named(id.type.partition("/")[0]),
        "resourceId": event.resource,
        "resourceType": named(id.type),
        "operationId": event.correlation,
        "operationName": named(event.action),
        "properties": {"statusMessage": event.message} if event.message else {},
        "status": named(event.status),
        "subStatus": named(event.sub_status),
        "eventTimestamp": when,
        "submissionTimestamp": when,
        "subscriptionId": state.subscription,
        "tenantId": state.principals.tenant,
    }
