"""Role definitions, at any scope."""

from __future__ import annotations

import re
from typing import Any

from mngr.simcloud.azure import ids, rights
from mngr.simcloud.azure.call import Call, value_at
from mngr.simcloud.azure.records import Resource
from mngr.simcloud.azure.scopes import DEFINITION, GUID, asked_for, scope_of, there
from mngr.simcloud.azure.state import State
from mngr.simcloud.azure.words import refuse
from mngr.simcloud.clock import iso
from mngr.simcloud.http import Response


def define(state: State, call: Call) -> Response:
    """Its name within the tenant is the GUID, and its roleName, which no other role may have."""
    there(state, scope_of(call))
    name = call.parts["name"].lower()
    if not GUID.fullmatch(name) or name in rights.BUILT_IN:
        raise refuse(
            400,
            "RoleDefinitionIdNotValid" if name not in rights.BUILT_IN else "RoleDefinitionIsReadOnly",
            f"The role definition ID '{name}' can't be written.",
        )
    title, scopes = (
        call.at("properties.roleName", default=""),
        call.at("properties.assignableScopes", list, []),
    )
    grants = call.at("properties.permissions", list, [])
    if not title or not scopes or not grants:
        raise refuse(
            400,
            "InvalidRoleDefinition",
            "A role definition must have a roleName, permissions and assignableScopes.",
        )
    if any(
        other.properties["roleName"].lower() == title.lower() and other.name != name
        for other in state.roles.list()
    ):
        raise refuse(
            409,
            "RoleDefinitionWithSameNameExists",
            f"A custom role with the same name already exists in this directory. Use a different name. RoleName: {title}.",
        )
    for one in scopes:
        if not isinstance(one, str) or ids.parse(one).subscription.lower() != state.subscription:
            raise refuse(400, "InvalidAssignableScope", f"The assignable scope '{one}' is not valid.")
    permissions = [_grant(grant) for grant in grants]
    properties = {
        "roleName": title,
        "type": "CustomRole",
        "description": call.at("properties.description", default=""),
        "assignableScopes": scopes,
        "permissions": permissions,
    }
    present = state.roles.get(name)
    base = f"/subscriptions/{state.subscription}/providers/{DEFINITION}/{name}"
    made = Resource(base, DEFINITION, "", present.created if present else state.now(), properties=properties)
    state.roles.put(name, made)
    state.told(call, "Succeeded", base)
    return Response(201, _definition(state, made))


def _grant(given: Any) -> dict[str, Any]:
    found = {
        name: value_at(given, name, list, [])
        for name in ("actions", "notActions", "dataActions", "notDataActions")
    }
    for action in found["actions"]:
        if not isinstance(action, str) or not re.fullmatch(r"\*|[\w.]+(/[\w*.]+)*/[\w*]+", action):
            raise refuse(
                400,
                "InvalidActionOrNotAction",
                f"'{action}' does not match any of the actions supported by the providers.",
            )
    return found


def get_definition(state: State, call: Call) -> dict[str, Any]:
    name = call.parts["name"].lower()
    found = state.roles.get(name, call.as_of) or _built_in(state).get(name)
    if found is None:
        raise refuse(
            404,
            "RoleDefinitionDoesNotExist",
            f"The specified role definition with ID '{name.replace('-', '')}' does not exist.",
        )
    return _definition(state, found)


def undefine(state: State, call: Call) -> Response:
    found = state.roles.get(call.parts["name"].lower())
    if found is None:
        return Response(204)
    used = [
        one
        for one in state.assignments.list()
        if ids.parse(one.properties["roleDefinitionId"]).name.lower() == found.name
    ]
    if used:
        raise refuse(
            400,
            "RoleDefinitionHasAssignments",
            "There are existing role assignments referencing role (code: RoleDefinitionHasAssignments).",
        )
    state.roles.remove(found.name)
    state.told(call, "Succeeded", found.id)
    return Response(200, _definition(state, found))


def list_definitions(state: State, call: Call) -> dict[str, Any]:
    there(state, scope_of(call), call.as_of)
    asked = asked_for(call)
    found = [*_built_in(state).values(), *state.roles.list(call.as_of)]
    if wanted := asked.get("role"):
        found = [one for one in found if one.properties["roleName"].lower() == wanted.lower()]
    if wanted := asked.get("type"):
        found = [one for one in found if one.properties["type"].lower() == wanted.lower()]
    return {"value": [_definition(state, one) for one in found]}


def _built_in(state: State) -> dict[str, Resource]:
    found = {}
    for guid, (name, actions, without) in rights.BUILT_IN.items():
        grant = {"actions": actions, "notActions": without, "dataActions": [], "notDataActions": []}
        properties = {
            "roleName": name,
            "type": "BuiltInRole",
            "description": "",
            "assignableScopes": ["/"],
            "permissions": [grant],
        }
        id = f"/subscriptions/{state.subscription}/providers/{DEFINITION}/{guid}"
        found[guid] = Resource(id, DEFINITION, "", 0.0, properties=properties)
    return found


def _definition(state: State, one: Resource) -> dict[str, Any]:
    when = iso(one.created).replace("+00:00", ".0000000Z")
    dates = {"createdOn": when, "updatedOn": when, "createdBy": None, "updatedBy": None}
    return {"properties": {**one.properties, **dates}, "id": one.id, "type": one.type, "name": one.name}
