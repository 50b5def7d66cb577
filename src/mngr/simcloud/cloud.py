"""What every simulated cloud has, whatever its vendor."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mngr.simcloud.bill import Bill
from mngr.simcloud.calls import Calls
from mngr.simcloud.clock import Clock
from mngr.simcloud.faults import Faults
from mngr.simcloud.gates import Gates
from mngr.simcloud.hosts import Hosts
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


@dataclass
class Account:
    """What a customer has at a vendor. Each vendor's has tables of its own."""

    core: Core

    def now(self) -> float:
        """The cloud's time."""
        return self.core.clock.now()
