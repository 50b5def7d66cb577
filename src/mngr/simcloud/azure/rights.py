"""Who may do what where: role definitions, role assignments, and how long an assignment takes to be known everywhere."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from mngr.simcloud.azure import ids
from mngr.simcloud.azure.principals import Principal
from mngr.simcloud.azure.words import refuse

if TYPE_CHECKING:
    from mngr.simcloud.azure.state import State

BUILT_IN = {
    "8e3af657-a8ff-443c-a75c-2fe8c4bcb635": ("Owner", ["*"], []),
    "b24988ac-6180-42a0-ab88-20f7382dd24c": (
        "Contributor",
        ["*"],
        [
            "Microsoft.Authorization/*/Delete",
            "Microsoft.Authorization/*/Write",
            "Microsoft.Authorization/elevateAccess/Action",
        ],
    ),
    "acdd72a7-3385-48ef-bd42-f606fba81ae7": ("Reader", ["*/read"], []),
    "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9": (
        "User Access Administrator",
        ["*/read", "Microsoft.Authorization/*", "Microsoft.Support/*"],
        [],
    ),
    "9980e02c-c2be-4d73-94e8-173b1dc7cf3c": (
        "Virtual Machine Contributor",
        [
            "Microsoft.Authorization/*/read",
            "Microsoft.Compute/virtualMachines/*",
            "Microsoft.Compute/disks/write",
            "Microsoft.Compute/disks/read",
            "Microsoft.Compute/disks/delete",
            "Microsoft.Network/networkInterfaces/*",
            "Microsoft.Network/networkSecurityGroups/join/action",
            "Microsoft.Network/networkSecurityGroups/read",
            "Microsoft.Network/publicIPAddresses/join/action",
            "Microsoft.Network/publicIPAddresses/read",
            "Microsoft.Network/virtualNetworks/read",
            "Microsoft.Network/virtualNetworks/subnets/join/action",
            "Microsoft.Resources/subscriptions/resourceGroups/read",
        ],
        [],
    ),
}
"""Roles that every tenant has, with their real ids: name, actions, notActions."""


def matches(patterns: Iterable[str], action: str) -> bool:
    return any(re.fullmatch(re.escape(one).replace(r"\*", ".*"), action, re.IGNORECASE) for one in patterns)


def permissions(state: State, role: str) -> list[Mapping[str, Any]]:
    """What a role allows, by its id."""
    name = ids.parse(role).name.lower()
    if name in BUILT_IN:
        return [{"actions": BUILT_IN[name][1], "notActions": BUILT_IN[name][2]}]
    found = state.roles.get(name)
    return list(found.properties["permissions"]) if found else []


def may(state: State, who: Principal, action: str, scope: str) -> bool:
    if matches(who.without, action):
        return False
    if matches(who.allow, action):
        return True
    effective = state.now() - state.behaviour.role_s
    for one in state.assignments.list():
        properties = one.properties
        if properties["principalId"].lower() != who.id or not ids.below(properties["scope"], scope):
            continue
        if one.created <= effective and any(
            matches(grant["actions"], action) and not matches(grant.get("notActions", ()), action)
            for grant in permissions(state, properties["roleDefinitionId"])
        ):
            return True
    return False


def require(state: State, who: Principal, action: str, scope: str) -> None:
    """Raises ApiError 403."""
    if not may(state, who, action, scope):
        raise refuse(
            403,
            "AuthorizationFailed",
            f"The client '{who.app}' with object id '{who.id}' does not have authorization to perform action '{action}' over "
            f"scope '{scope}' or the scope is invalid. If access was recently granted, please refresh your credentials.",
        )


def require_linked(state: State, who: Principal, action: str, scope: str, linked: str, where: str) -> None:
    """A right on another resource, which one joins. Raises ApiError 403."""
    if not may(state, who, linked, where):
        raise refuse(
            403,
            "LinkedAuthorizationFailed",
            f"The client '{who.app}' with object id '{who.id}' has permission to perform action '{action}' on scope '{scope}'; "
            f"however, it does not have permission to perform action(s) '{linked}' on the linked scope(s) '{where}' "
            "(respectively) or the linked scope(s) are invalid.",
        )
