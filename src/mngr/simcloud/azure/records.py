"""What a subscription holds: resource groups, and resources of every kind."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mngr.simcloud.azure import ids


@dataclass(frozen=True)
class Group:
    id: str
    name: str
    location: str
    tags: Mapping[str, str]
    created: float
    managed_by: str = ""
    state: str = "Succeeded"

    def view(self) -> dict[str, Any]:
        view: dict[str, Any] = {
            "id": self.id,
            "name": self.name,
            "type": "Microsoft.Resources/resourceGroups",
            "location": self.location,
            "tags": dict(self.tags),
            "properties": {"provisioningState": self.state},
        }
        return view | ({"managedBy": self.managed_by} if self.managed_by else {})


@dataclass(frozen=True)
class Resource:
    """`more` are the fields beside `properties`: sku, identity, zones; `inner` what no answer shows."""

    id: str
    type: str
    location: str
    created: float
    tags: Mapping[str, str] = field(default_factory=dict)
    properties: Mapping[str, Any] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)
    inner: Mapping[str, Any] = field(default_factory=dict)
    state: str = "Succeeded"
    etag: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def name(self) -> str:
        return self.id.rpartition("/")[2]

    @property
    def group(self) -> str:
        return ids.parse(self.id).group

    @property
    def key(self) -> str:
        return self.id.lower()

    def view(self) -> dict[str, Any]:
        view: dict[str, Any] = {
            "name": self.name,
            "id": self.id,
            "type": self.type,
            "location": self.location,
            **self.more,
            "properties": {**self.properties, "provisioningState": self.state},
        }
        return view | ({"tags": dict(self.tags)} if self.tags else {})

    def bill_tags(self) -> tuple[str, ...]:
        return tuple(f"{name}={value}" for name, value in self.tags.items())
