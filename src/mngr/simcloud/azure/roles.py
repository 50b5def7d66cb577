"""Role definitions and role assignments, at any scope."""

from __future__ import annotations

import re
import uuid
from typing import Any

from mngr.simcloud.azure import ids, rights
from mngr.simcloud.azure.call import Call, value_at
from mngr.simcloud.azure.records import Resource
from mngr.simcloud.azure.state import State
from mngr.simcloud.azure.words import refuse
from mngr.simcloud.clock import iso
from mngr.simcloud.http import Response

ASSIGNMENT = "Microsoft.Authorization/roleAssignments"
DEFINITION = "Microsoft.Authorization/roleDefinitions"
GUID = re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
FILTER = re.compile(
    r"\s*(atScope\(\)|principalId\s+eq\s+'([^']*)'|assignedTo\('([^']*)'\)|roleName\s+eq\s+'([^']*)'|type\s+eq\s+'([^']*)')\s*",
    re.IGNORECASE,
)


def _scope(call: Call) -> str:
    return "/" + call.parts.get("scope", "").strip("/")


# --- assignments ---


def assign(state: State, call: Call) -> Response:
    scope, name = _there(state, _scope(call)), call.parts["name"].lower()
    if not GUID.fullmatch(name):
        raise refuse(
            400,
            "InvalidRoleAssignmentId",
            f"The role assignment ID '{name}' is not valid. The role assignment ID must be a GUID.",
        )
    role, principal = call.at("properties.roleDefinitionId"), call.at("properties.principalId")
    if not role or not principal:
        raise refuse(
            400,
            "InvalidCreateRoleAssignmentRequest",
            "The request to create role assignment is not valid. Role definition and principal must be given.",
        )
    if not rights.permissions(state, role):
        raise refuse(
            400,
            "RoleDefinitionDoesNotExist",
            f"The specified role definition with ID '{ids.parse(role).name.replace('-', '').lower()}' does not exist.",
        )
    _known(state, call, principal)
    for other in state.assignments.list():
        has = other.properties
        same = has["principalId"].lower() == principal.lower() and has["scope"].lower() == scope.lower()
        if same and ids.parse(has["roleDefinitionId"]).name.lower() == ids.parse(role).name.lower():
            if other.name.lower() == name:
                return Response(200, _assignment(state, other))
            raise refuse(
                409,
                "RoleAssignmentExists",
                f"The role assignment already exists. The ID of the existing role assignment is {other.name.replace('-', '')}.",
            )
    if state.assignments.get(name):
        raise refuse(
            409,
            "RoleAssignmentUpdateNotPermitted",
            "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.",
        )
    properties = {
        "roleDefinitionId": role,
        "principalId": principal,
        "principalType": call.at("properties.principalType", default="ServicePrincipal"),
        "scope": scope,
        "createdBy": call.who.id,
    }
    for extra in ("condition", "conditionVersion", "description", "delegatedManagedIdentityResourceId"):
        if (value := call.at(f"properties.{extra}")) is not None:
            properties[extra] = value
    base = "" if scope == "/" else scope
    made = Resource(
        f"{base}/providers/{ASSIGNMENT}/{name}", ASSIGNMENT, "", state.now(), properties=properties
    )
    state.assignments.put(name, made)
    state.told(call, "Succeeded", made.id)
    return Response(201, _assignment(state, made))


def _known(state: State, call: Call, id: str) -> None:
    """Raises ApiError for a principal that the directory doesn't know, or not everywhere yet."""
    principal = state.principals.by_id(id)
    helps = state.behaviour.principal_type_helps and call.at("properties.principalType")
    fresh = principal is not None and state.now() < principal.made + state.behaviour.principal_s and not helps
    if principal is None or fresh:
        raise refuse(
            400,
            "PrincipalNotFound",
            f"Principal {id.replace('-', '')} does not exist in the directory {state.principals.tenant}. Check that you have the "
            "correct principal ID. If you are creating this principal and then immediately assigning a role, this error might be "
            "related to a replication delay. In this case, set the role assignment principalType property to a value, such as "
            "ServicePrincipal, User, or Group. See https://aka.ms/docs-principaltype",
        )


def get_assignment(state: State, call: Call) -> dict[str, Any]:
    found = state.assignments.get(call.parts["name"].lower(), call.as_of)
    if found is None or found.properties["scope"].lower() != _scope(call).lower():
        raise refuse(
            404, "RoleAssignmentNotFound", f"The role assignment '{call.parts['name']}' is not found."
        )
    return _assignment(state, found)


def unassign(state: State, call: Call) -> Response:
    found = state.assignments.get(call.parts["name"].lower())
    if found is None:
        return Response(204)
    state.assignments.remove(found.name)
    state.told(call, "Succeeded", found.id)
    return Response(200, _assignment(state, found))


def list_assignments(state: State, call: Call) -> dict[str, Any]:
    """Those at the scope, above and below it; with `atScope()` not those below."""
    scope = _there(state, _scope(call), call.as_of)
    asked = _filter(call)
    found = [
        one
        for one in state.assignments.list(call.as_of)
        if ids.below(one.properties["scope"], scope)
        or (ids.below(scope, one.properties["scope"]) and "atscope()" not in asked)
    ]
    if wanted := asked.get("principal"):
        found = [one for one in found if one.properties["principalId"].lower() == wanted.lower()]
    return {"value": [_assignment(state, one) for one in found]}


def _assignment(state: State, one: Resource) -> dict[str, Any]:
    when = iso(one.created).replace("+00:00", ".0000000Z")
    dates = {"createdOn": when, "updatedOn": when, "updatedBy": one.properties["createdBy"]}
    return {"properties": {**one.properties, **dates}, "id": one.id, "type": one.type, "name": one.name}


# --- definitions ---


def define(state: State, call: Call) -> Response:
    """Its name within the tenant is the GUID, and its roleName, which no other role may have."""
    _there(state, _scope(call))
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
    _there(state, _scope(call), call.as_of)
    asked = _filter(call)
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


def _there(state: State, scope: str, as_of: float | None = None) -> str:
    """A scope as its owner writes it. Raises ApiError 404 for one that isn't there."""
    id = ids.parse(scope)
    if id.type:
        return state.find(scope, as_of).id
    if id.group:
        return state.group(id.group, as_of).id
    return scope


def _filter(call: Call) -> dict[str, str]:
    text = call.request.first("$filter") or ""
    found: dict[str, str] = {}
    for part in re.split(r"\s+and\s+", text) if text else []:
        clause = FILTER.fullmatch(part)
        if not clause:
            raise refuse(400, "UnsupportedQuery", f"The filter '{text}' is not supported.")
        if clause[1].lower() == "atscope()":
            found["atscope()"] = "yes"
        for name, value in (("principal", clause[2] or clause[3]), ("role", clause[4]), ("type", clause[5])):
            if value:
                found[name] = value
    return found


def owner(state: State, who: str, role: str = "Owner") -> None:
    """An assignment at the subscription that was made long ago."""
    guid = next(guid for guid, (name, *_) in rights.BUILT_IN.items() if name == role)
    name, scope = str(uuid.uuid4()), f"/subscriptions/{state.subscription}"
    properties = {
        "roleDefinitionId": f"{scope}/providers/{DEFINITION}/{guid}",
        "principalId": who,
        "principalType": "ServicePrincipal",
        "scope": scope,
        "createdBy": who,
    }
    one = Resource(f"{scope}/providers/{ASSIGNMENT}/{name}", ASSIGNMENT, "", 0.0, properties=properties)
    state.assignments.put(name, one)
