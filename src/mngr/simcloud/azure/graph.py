"""Resource Graph: one query over all resources, a little late."""

from __future__ import annotations

from typing import Any

from mngr.simcloud.azure import kinds, kql, rights
from mngr.simcloud.azure.call import Call
from mngr.simcloud.azure.records import Resource
from mngr.simcloud.azure.state import State
from mngr.simcloud.azure.vm_view import instance_view
from mngr.simcloud.azure.words import refuse
from mngr.simcloud.http import Response
from mngr.simcloud.paging import cursor, read_cursor

MOST = 1000
TABLES = frozenset({"resources", "resourcecontainers"})


def query(state: State, call: Call) -> Response:
    """It shows what the caller may read. `options` has `$top`, `$skip`, `$skipToken` and `resultFormat`."""
    text = call.at("query", default="")
    subscriptions = call.at("subscriptions", list, [state.subscription])
    if not text:
        raise _bad("InvalidQuery", "Query cannot be empty.")
    as_of = min(call.as_of or state.now(), state.now() - state.behaviour.graph_lag_s)
    here = any(str(one).lower() == state.subscription for one in subscriptions)
    table = text.strip().split("|")[0].strip().lower()
    rows = (_groups if table == "resourcecontainers" else _resources)(state, call, as_of) if here else []
    try:
        found = kql.run(text, rows, TABLES)
    except kql.Unreadable as problem:
        raise _bad(
            "InvalidQuery",
            f"Query is invalid. Please refer to the documentation for the Azure Resource Graph service and fix the error before retrying: {problem}.",
        )
    top = min(call.at("options.$top", int, 100), MOST)
    skip = call.at("options.$skip", int, 0)
    if token := call.at("options.$skipToken", default=""):
        skip = int(read_cursor(token, "The skip token is invalid.") or 0)
    shown = found[skip : skip + top]
    answer: dict[str, Any] = {
        "totalRecords": len(found),
        "count": len(shown),
        "data": _table(shown)
        if call.at("options.resultFormat", default="objectArray").lower() == "table"
        else shown,
        "facets": [],
        "resultTruncated": "false",
    }
    if skip + top < len(found):
        answer["$skipToken"] = cursor(str(skip + top))
    quota = {"x-ms-user-quota-remaining": "14", "x-ms-user-quota-resets-after": "00:00:05"}
    return Response(200, answer, quota)


def _resources(state: State, call: Call, as_of: float) -> list[kql.Row]:
    return [
        _row(state, one)
        for one in state.resources.list(as_of)
        if one.state != "Deleting" and rights.may(state, call.who, f"{one.type}/read", one.id)
    ]


def _row(state: State, one: Resource) -> dict[str, Any]:
    view = kinds.view(state, one)
    properties = dict(view["properties"])
    if one.type == "Microsoft.Compute/virtualMachines":
        seen = instance_view(state, one)
        power = next(
            (status for status in seen["statuses"] if status["code"].startswith("PowerState/")), None
        )
        extended = (
            {"instanceView": {"powerState": power, "hyperVGeneration": "V2"}}
            if power
            else {"instanceView": {}}
        )
        properties["extended"] = extended
    return {
        "id": one.id,
        "name": one.name,
        "type": one.type.lower(),
        "tenantId": state.principals.tenant,
        "kind": "",
        "location": one.location,
        "resourceGroup": one.group.lower(),
        "subscriptionId": state.subscription,
        "managedBy": one.more.get("managedBy", ""),
        "sku": one.more.get("sku"),
        "plan": None,
        "properties": properties,
        "tags": dict(one.tags) or None,
        "identity": one.more.get("identity"),
        "zones": one.more.get("zones"),
        "extendedLocation": None,
    }


def _groups(state: State, call: Call, as_of: float) -> list[kql.Row]:
    return [
        {
            "id": one.id,
            "name": one.name,
            "type": "microsoft.resources/subscriptions/resourcegroups",
            "tenantId": state.principals.tenant,
            "location": one.location,
            "resourceGroup": one.name.lower(),
            "subscriptionId": state.subscription,
            "properties": {"provisioningState": one.state},
            "tags": dict(one.tags) or None,
        }
        for one in state.groups.list(as_of)
        if rights.may(state, call.who, "Microsoft.Resources/subscriptions/resourceGroups/read", one.id)
    ]


def _table(rows: list[dict[str, Any]]) -> dict[str, Any]:
    names = list(rows[0]) if rows else []
    types = [
        {"name": name, "type": "object" if rows and isinstance(rows[0][name], (dict, list)) else "string"}
        for name in names
    ]
    return {"columns": types, "rows": [[row.get(name) for name in names] for row in rows]}


def _bad(code: str, message: str) -> Exception:
    return refuse(
        400,
        "BadRequest",
        "Please provide below info when asking for support: the correlation id.",
        details=[{"code": code, "message": message}],
    )
