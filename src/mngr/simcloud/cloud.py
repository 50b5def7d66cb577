"""What every simulated cloud has, whatever its vendor; and what a vendor has to bring."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from mngr.simcloud.bill import Bill
from mngr.simcloud.calls import Calls
from mngr.simcloud.clock import Clock
from mngr.simcloud.faults import Faults
from mngr.simcloud.gates import Gates
from mngr.simcloud.hosts import Hosts
from mngr.simcloud.http import Request, Response
from mngr.simcloud.jobs import Jobs
from mngr.simcloud.machines.base import Machines


@dataclass
class Core:
    """Shared by all vendors. `lock` is held while a call commits: calls take effect one after the other."""

    run: str
    clock: Clock
    machines: Machines
    faults: Faults = field(default_factory=Faults)
    gates: Gates = field(default_factory=Gates)
    jobs: Jobs = field(default_factory=Jobs)
    hosts: Hosts = field(default_factory=Hosts)
    lock: Any = field(default_factory=threading.RLock)
    bill: Bill = field(init=False)
    calls: Calls = field(init=False)

    overdue: list[Callable[[], None]] = field(default_factory=list)
    """What a vendor does when time has passed, such as renewals; called often, under the lock."""

    def __post_init__(self) -> None:
        self.bill = Bill(self.clock)
        self.calls = Calls(self.clock)

    def catch_up(self) -> None:
        """Have everything done that has fallen due. Before anything is looked at."""
        with self.lock:
            for act in self.overdue:
                act()


class Vendor(Protocol):
    """One cloud's API. `handle` runs under the core's lock and is the commit of a call."""

    prefix: str
    """What its paths begin with, e.g. `/v2`."""

    def turn_away(self, request: Request) -> Response | None:
        """The answer to a caller that may not come in: over the rate limit, or not authenticated."""
        ...

    def handle(self, request: Request) -> Response: ...

    def error(self, status: int, message: str) -> Response:
        """An error in this vendor's words."""
        ...

    def no_capacity(self) -> Response: ...

    def resources(self) -> list[dict[str, Any]]:
        """All that exists: kind, id, name, tags, state, region, plan, address, created."""
        ...

    def control_routes(self) -> dict[tuple[str, str], Callable[[Request], Any]]:
        """More of the control interface: (method, path) to what answers it."""
        ...

    def env(self, url: str) -> dict[str, str]:
        """What a client must export to reach this cloud."""
        ...
