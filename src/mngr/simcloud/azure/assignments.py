"""Role assignments, at any scope."""

from __future__ import annotations

import uuid
from typing import Any

from mngr.simcloud.azure import ids, rights
from mngr.simcloud.azure.call import Call
from mngr.simcloud.azure.records import Resource
from mngr.simcloud.azure.scopes import ASSIGNMENT, DEFINITION, GUID, asked_for, scope_of, there
from mngr.simcloud.azure.state import State
from mngr.simcloud.azure.words import refuse
from mngr.simcloud.clock import iso
from mngr.simcloud.http import Response


def assign(state: State, call: Call) -> Response:
    scope, name = there(state, scope_of(call)), call.parts["name"].lower()
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
    if found is None or found.properties["scope"].lower() != scope_of(call).lower():
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
    scope = there(state, scope_of(call), call.as_of)
    asked = asked_for(call)
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
