"""Resource groups and the subscription. Deleting a group deletes all that is in it, and takes its time."""

from __future__ import annotations

import re
from typing import Any

from mngr.simcloud.azure import kinds
from mngr.simcloud.azure.call import Call
from mngr.simcloud.azure.catalog import REGIONS
from mngr.simcloud.azure.records import Group
from mngr.simcloud.azure.resources import paged, place
from mngr.simcloud.azure.state import State
from mngr.simcloud.azure.words import refuse
from mngr.simcloud.http import Response

NAME = re.compile(r"[-\w.()]{0,89}[-\w()]")
FILTER = re.compile(r"\s*tagName\s+eq\s+'([^']*)'(\s+and\s+tagValue\s+eq\s+'([^']*)')?\s*", re.IGNORECASE)
TYPE_FILTER = re.compile(r"\s*resourceType\s+eq\s+'([^']*)'\s*", re.IGNORECASE)


def put(state: State, call: Call) -> Response:
    name, location = call.parts["group"], place(call)
    if not NAME.fullmatch(name):
        raise refuse(
            400,
            "InvalidResourceGroup",
            f"The provided resource group name '{name}' has these invalid characters or is too long.",
        )
    if not location:
        raise refuse(400, "LocationRequired", "The location property is required for this definition.")
    if location not in REGIONS:
        raise refuse(
            400,
            "LocationNotAvailableForResourceGroup",
            f"The provided location '{location}' is not available for resource group. List of available regions is '{','.join(REGIONS)}'.",
        )
    present = state.groups.get(name.lower())
    if present:
        state.open_group(name)
        if present.location != location:
            raise refuse(
                409,
                "InvalidResourceGroupLocation",
                f"Invalid resource group location '{location}'. The Resource group already exists in location '{present.location}'.",
            )
    id = f"/subscriptions/{state.subscription}/resourceGroups/{present.name if present else name}"
    made = present.created if present else state.now()
    managed_by = call.at("managedBy", default="")
    group = Group(id, present.name if present else name, location, call.tags(), made, managed_by)
    state.groups.put(name.lower(), group)
    state.told(call, "Succeeded", id)
    return Response(200 if present else 201, group.view())


def patch(state: State, call: Call) -> dict[str, Any]:
    group = state.open_group(call.parts["group"])
    if "tags" in call.body:
        group = state.groups.change(group.name.lower(), tags=call.tags()) or group
    return group.view()


def get(state: State, call: Call) -> dict[str, Any]:
    return state.group(call.parts["group"], call.as_of).view()


def head(state: State, call: Call) -> Response:
    return Response(204 if state.groups.get(call.parts["group"].lower(), call.as_of) else 404)


def list_groups(state: State, call: Call) -> dict[str, Any]:
    found = state.groups.list(call.as_of)
    if given := call.request.first("$filter"):
        asked = FILTER.fullmatch(given)
        if not asked:
            raise refuse(
                400, "InvalidFilterInQueryString", f"Invalid $filter '{given}' specified in the query string."
            )
        found = [one for one in found if _tagged(one.tags, asked[1], asked[3])]
    return paged(state, call, [one.view() for one in found])


def delete(state: State, call: Call) -> Response:
    group = state.group(call.parts["group"])
    if group.state == "Deleting" and (running := state.operations.running(group.id)):
        return Response(202, None, state.operations.headers(call, running))
    state.groups.change(group.name.lower(), state="Deleting")
    _, response = state.operations.begin(
        call, group.id, state.behaviour.delete_group_s, lambda: _remove(state, group), status=202
    )
    return response


def list_resources(state: State, call: Call) -> dict[str, Any]:
    """Of a group or the subscription: what each is and where, without properties."""
    name = call.parts.get("group", "")
    if name:
        state.group(name, call.as_of)
    inside = f"/subscriptions/{state.subscription}/resourcegroups/{name}/".lower() if name else ""
    found = [one for one in state.resources.list(call.as_of) if one.key.startswith(inside)]
    if given := call.request.first("$filter"):
        by_tag, by_type = FILTER.fullmatch(given), TYPE_FILTER.fullmatch(given)
        if by_tag:
            found = [one for one in found if _tagged(one.tags, by_tag[1], by_tag[3])]
        elif by_type:
            found = [one for one in found if one.type.lower() == by_type[1].lower()]
        else:
            raise refuse(
                400, "InvalidFilterInQueryString", f"Invalid $filter '{given}' specified in the query string."
            )
    views = []
    for one in found:
        view = one.view()
        del view["properties"]
        views.append(view)
    return paged(state, call, views)


def subscriptions(state: State, call: Call) -> dict[str, Any]:
    return {"value": [_subscription(state)], "count": {"type": "Total", "value": 1}}


def subscription(state: State, call: Call) -> dict[str, Any]:
    return _subscription(state)


def locations(state: State, call: Call) -> dict[str, Any]:
    return {
        "value": [
            {
                "id": f"/subscriptions/{state.subscription}/locations/{one.name}",
                "name": one.name,
                "displayName": one.display,
                "regionalDisplayName": one.display,
                "type": "Region",
                "metadata": {
                    "regionType": "Physical",
                    "regionCategory": "Recommended",
                    "latitude": str(one.latitude),
                    "longitude": str(one.longitude),
                },
            }
            for one in REGIONS.values()
        ]
    }


def tenants(state: State, call: Call) -> dict[str, Any]:
    tenant = state.principals.tenant
    return {
        "value": [
            {
                "id": f"/tenants/{tenant}",
                "tenantId": tenant,
                "tenantCategory": "Home",
                "displayName": "Simulated",
            }
        ]
    }


def _subscription(state: State) -> dict[str, Any]:
    return {
        "id": f"/subscriptions/{state.subscription}",
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
        "subscriptionId": state.subscription,
        "tenantId": state.principals.tenant,
        "displayName": "Simulated",
        "state": state.behaviour.subscription_state,
        "subscriptionPolicies": {
            "locationPlacementId": "Public_2014-09-01",
            "quotaId": "PayAsYouGo_2014-09-01",
            "spendingLimit": "Off",
        },
    }


def _remove(state: State, group: Group) -> None:
    inside = f"{group.id}/".lower()
    for one in state.resources.list():
        if one.key.startswith(inside):
            kinds.of(one).remove(state, one.key)
    for one in state.assignments.list():
        if one.properties["scope"].lower().startswith(inside.rstrip("/")):
            state.assignments.remove(one.name)
    state.groups.remove(group.name.lower())


def _tagged(tags: Any, name: str, value: str | None) -> bool:
    return any(key.lower() == name.lower() and value in (None, mine) for key, mine in tags.items())
