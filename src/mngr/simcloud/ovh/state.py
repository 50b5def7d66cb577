"""What this OVH account holds."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from mngr.simcloud.cloud import Account
from mngr.simcloud.life import Life
from mngr.simcloud.ovh.auth import Auth
from mngr.simcloud.ovh.behaviour import Behaviour
from mngr.simcloud.ovh.credentials import Credentials
from mngr.simcloud.ovh.flavour import Flavour
from mngr.simcloud.ovh.records import Cart, Order, Task, Vps
from mngr.simcloud.ovh.tags import Tags
from mngr.simcloud.ovh.words import NOT_FOUND
from mngr.simcloud.table import Table

NICHANDLE = "si12345-ovh"


@dataclass
class State(Account):
    """`ordered` are VPSs that are paid for, and that no answer names yet; `vps` those that were delivered."""

    flavour: Flavour
    behaviour: Behaviour = field(default_factory=Behaviour)
    credentials: Credentials = field(default_factory=Credentials)
    carts: dict[str, Cart] = field(default_factory=dict)
    ordered: dict[str, Vps] = field(default_factory=dict)
    tasks: dict[str, list[Task]] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    """What this API serves: method and path, as access rules write them."""
    auth: Auth = field(init=False)
    orders: Table[Order] = field(init=False)
    vps: Table[Vps] = field(init=False)
    tags: Tags = field(init=False)
    machines: Life = field(init=False)
    _ids: Iterator[int] = field(default_factory=lambda: itertools.count(20_000_001))

    def __post_init__(self) -> None:
        self.auth = Auth(self.credentials, self.core.clock)
        self.orders = Table(self.core, NOT_FOUND)
        self.vps = Table(self.core, "This service does not exist")
        self.tags = Tags(self.core.clock, self.behaviour)
        self.machines = Life(self.core, lambda name: name in self.ordered or self.vps.get(name) is not None)

    def next_id(self) -> int:
        """For orders, items, tasks and all else that has a number: none is used twice."""
        return next(self._ids)

    def change(self, name: str, **changes: Any) -> None:
        """Change a VPS's record, if it is still there."""
        with self.core.lock:
            if self.vps.change(name, **changes) and "address" in changes:
                self.tell_names()

    def tell_names(self) -> None:
        """After a VPS has come, gone or moved: its name resolves to where it is. Under the core's lock."""
        self.core.hosts.write({vps.name: vps.address for vps in self.vps.list()})

    def urn(self, name: str) -> str:
        return f"urn:v1:{self.flavour.name}:resource:vps:{name}"
