"""What this Azure holds: one tenant, one subscription."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

from mngr.simcloud.azure import ids
from mngr.simcloud.azure.activity import Event
from mngr.simcloud.azure.behaviour import Behaviour
from mngr.simcloud.azure.call import Call
from mngr.simcloud.azure.market import Market
from mngr.simcloud.azure.operations import Operations
from mngr.simcloud.azure.principals import Principal, Principals
from mngr.simcloud.azure.records import Group, Resource
from mngr.simcloud.azure.throttle import Throttle
from mngr.simcloud.azure.words import not_found, refuse
from mngr.simcloud.cloud import Account
from mngr.simcloud.life import Life
from mngr.simcloud.table import Table


@dataclass
class State(Account):
    """Tables are by ids in lower case; `roles` and `assignments` by their names, which are GUIDs."""

    behaviour: Behaviour = field(default_factory=Behaviour)
    subscription: str = field(default_factory=lambda: str(uuid.uuid4()))
    principals: Principals = field(default_factory=lambda: Principals(str(uuid.uuid4())))
    throttle: Throttle = field(default_factory=Throttle)
    market: Market = field(default_factory=Market)
    events: list[Event] = field(default_factory=list)
    registering: dict[str, float] = field(default_factory=dict)
    """Providers that were registered: namespace in lower case → since when it is so."""
    groups: Table[Group] = field(init=False)
    resources: Table[Resource] = field(init=False)
    roles: Table[Resource] = field(init=False)
    assignments: Table[Resource] = field(init=False)
    operations: Operations = field(init=False)
    machines: Life = field(init=False)
    evicting: set[str] = field(default_factory=set)
    """The keys of VMs that have been told."""
    vms: dict[str, str] = field(default_factory=dict)
    """Machines by the ids that they have here, vmId: the key of each one's VM."""

    def __post_init__(self) -> None:
        self.groups = Table(self.core, "")
        self.resources = Table(self.core, "")
        self.roles = Table(self.core, "")
        self.assignments = Table(self.core, "")
        self.operations = Operations(self)
        self.machines = Life(self.core, lambda id: id in self.vms)

    def group(self, name: str, as_of: float | None = None) -> Group:
        """Raises ApiError 404."""
        found = self.groups.get(name.lower(), as_of)
        if found is None:
            raise refuse(404, "ResourceGroupNotFound", f"Resource group '{name}' could not be found.")
        return found

    def open_group(self, name: str) -> Group:
        """One that something can be made in. Raises ApiError."""
        found = self.group(name)
        if found.state == "Deleting":
            raise refuse(
                409,
                "ResourceGroupBeingDeleted",
                f"The resource group '{name}' is in deprovisioning state and cannot perform this operation.",
            )
        return found

    def find(self, id: str, as_of: float | None = None) -> Resource:
        """Raises ApiError 404, for the group if that isn't there."""
        found = self.resources.get(id.lower(), as_of)
        if found is None:
            wanted = ids.parse(id)
            self.group(wanted.group, as_of)
            raise not_found(wanted.type, "/".join(wanted.names), wanted.group)
        return found

    def change(self, key: str, *, inner: dict[str, Any] | None = None, **changes: Any) -> Resource | None:
        """Change a resource, if it is still there; `inner` and `properties` are laid over what it has."""
        with self.core.lock:
            present = self.resources.get(key.lower())
            if present is None:
                return None
            if inner is not None:
                changes["inner"] = {**present.inner, **inner}
            if "properties" in changes:
                changes["properties"] = {**present.properties, **changes["properties"]}
            return self.resources.change(present.key, etag=str(uuid.uuid4()), **changes)

    def of(self, type: str, group: str = "", as_of: float | None = None) -> list[Resource]:
        """The resources of a type, in a group or everywhere."""
        wanted = f"/subscriptions/{self.subscription}/resourcegroups/{group}/".lower() if group else ""
        return [
            one
            for one in self.resources.list(as_of)
            if one.type.lower() == type.lower() and one.key.startswith(wanted)
        ]

    def location_of(self, id: str) -> str:
        found = self.resources.get(id.lower())
        return found.location if found else self.group(ids.parse(id).group).location

    def told(self, call: Call, status: str, resource: str = "") -> Event:
        """Write a call into the activity log."""
        action, scope = ids.right(call.request.method, call.path)
        correlation = call.request.headers.get("x-ms-correlation-request-id") or str(uuid.uuid4())
        return self.tell(call.who, action, resource or scope, status, correlation=correlation)

    def tell(
        self,
        who: Principal,
        action: str,
        resource: str,
        status: str,
        sub_status: str = "",
        message: str = "",
        correlation: str = "",
    ) -> Event:
        event = Event(self.now(), who, action, resource, status, sub_status, message, correlation)
        self.events.append(event)
        return event
