"""Several names at once."""

import threading
from types import SimpleNamespace
from typing import Any

from mngr.cli.progress import Progress
from mngr.cli.targets import for_each
from mngr.model.clock import SYSTEM
from mngr.model.records import HostRecord
from mngr.model.views import HostView
from mngr.ops.names import Group


def test_twenty_hosts_are_worked_on_at_once() -> None:
    records = [HostRecord(id=f"h{n}", name=f"h{n}", provider="p", backend="p") for n in range(20)]
    found = [Group(HostView(record=one, state="running"), []) for one in records]
    together = threading.Barrier(20)

    def work(group: Group, phases: Any) -> str:
        together.wait(30)
        return group.host.record.id

    mngr: Any = SimpleNamespace(clock=SYSTEM)
    assert for_each(mngr, found, Progress("stop", True), work) == ([one.id for one in records], 0)
