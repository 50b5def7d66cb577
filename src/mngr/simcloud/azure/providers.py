"""Resource providers: nothing of one can be made before it is registered, which takes a while."""

from __future__ import annotations

from typing import Any

from mngr.simcloud.azure.call import Call
from mngr.simcloud.azure.catalog import REGIONS
from mngr.simcloud.azure.state import State
from mngr.simcloud.azure.words import refuse

TYPES = {
    "Microsoft.Compute": (
        "virtualMachines",
        "disks",
        "images",
        "galleries",
        "galleries/images",
        "galleries/images/versions",
    ),
    "Microsoft.Network": (
        "networkInterfaces",
        "networkSecurityGroups",
        "publicIPAddresses",
        "virtualNetworks",
    ),
    "Microsoft.Storage": ("storageAccounts",),
    "Microsoft.ManagedIdentity": ("userAssignedIdentities",),
    "Microsoft.Quota": ("quotas",),
    "Microsoft.Authorization": ("roleAssignments", "roleDefinitions"),
    "Microsoft.Resources": ("resourceGroups", "tags"),
    "Microsoft.ResourceGraph": ("resources",),
    "Microsoft.Insights": ("eventtypes",),
}
ALWAYS = {"microsoft.authorization", "microsoft.resources", "microsoft.resourcegraph", "microsoft.insights"}


def list_providers(state: State, call: Call) -> dict[str, Any]:
    return {"value": [_view(state, namespace) for namespace in TYPES]}


def get(state: State, call: Call) -> dict[str, Any]:
    return _view(state, _known(call.parts["namespace"]))


def register(state: State, call: Call) -> dict[str, Any]:
    namespace = _known(call.parts["namespace"])
    state.registering.setdefault(namespace.lower(), state.now() + state.behaviour.register_s)
    state.told(call, "Succeeded")
    return _view(state, namespace)


def unregister(state: State, call: Call) -> dict[str, Any]:
    namespace = _known(call.parts["namespace"])
    if any(one.type.lower().startswith(f"{namespace.lower()}/") for one in state.resources.list()):
        message = (
            f"Cannot unregister the resource provider '{namespace}' as resources exist which are using it."
        )
        raise refuse(409, "CannotUnregisterRP", message)
    state.registering.pop(namespace.lower(), None)
    return _view(state, namespace)


def require(state: State, type: str) -> None:
    """Raises ApiError unless its provider is registered. SDKs take the namespace from between the last quotes."""
    namespace = type.partition("/")[0]
    if _state(state, namespace) != "Registered":
        raise refuse(
            409,
            "MissingSubscriptionRegistration",
            f"The subscription is not registered to use namespace '{namespace}'. See https://aka.ms/rps-not-found for how to "
            "register subscriptions.",
            details=[
                {
                    "code": "MissingSubscriptionRegistration",
                    "target": namespace,
                    "message": f"The subscription is not registered to use namespace '{namespace}'. See https://aka.ms/rps-not-found for how to register subscriptions.",
                }
            ],
        )


def _state(state: State, namespace: str) -> str:
    if namespace.lower() in ALWAYS:
        return "Registered"
    since = state.registering.get(namespace.lower())
    if since is None:
        return "NotRegistered"
    return "Registered" if since <= state.now() else "Registering"


def _known(namespace: str) -> str:
    found = next((one for one in TYPES if one.lower() == namespace.lower()), None)
    if found is None:
        raise refuse(404, "InvalidResourceNamespace", f"The resource namespace '{namespace}' is invalid.")
    return found


def _view(state: State, namespace: str) -> dict[str, Any]:
    types = [
        {
            "resourceType": type,
            "locations": [region.display for region in REGIONS.values()],
            "apiVersions": ["2026-04-01", "2024-07-01", "2022-11-01"],
            "capabilities": "CrossResourceGroupResourceMove, CrossSubscriptionResourceMove, SupportsTags, SupportsLocation",
        }
        for type in TYPES[namespace]
    ]
    return {
        "id": f"/subscriptions/{state.subscription}/providers/{namespace}",
        "namespace": namespace,
        "registrationPolicy": "RegistrationFree" if namespace.lower() in ALWAYS else "RegistrationRequired",
        "resourceTypes": types,
        "registrationState": _state(state, namespace),
    }
