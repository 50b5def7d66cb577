"""The machine behind a record: when it boots, goes on and off, and ends. What its record says meanwhile is the vendor's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from mngr.simcloud.cloud import Core
from mngr.simcloud.faults import Fault
from mngr.simcloud.machines.base import MachineSpec


class Life:
    """Machines by the ids of their records. Each call returns at once; what it asks for happens in order, machine by machine.

    `wanted` says whether there still is a record: without one it is no use waiting for its machine any longer.
    """

    def __init__(self, core: Core, wanted: Callable[[str], bool]) -> None:
        self._core = core
        self._wanted = wanted

    def boot(
        self,
        id: str,
        due: float,
        faults: Mapping[str, Fault],
        *,
        spec: Callable[[], MachineSpec | None],
        on: Callable[[str], bool | None],
        up: Callable[[], None],
        anew: bool = False,
    ) -> None:
        """Boot a machine at that moment of the cloud's clock, with the faults of the call that orders it.

        `spec` is asked once the moment has come, None: no machine any more. `on` is told its address, and may answer False:
        it came too late, and is removed. `up` is told that it takes SSH, or that the limit is over. `anew`: it has a machine,
        whose disk goes.
        """
        core, unwanted = self._core, self._unwanted(id)
        slow = faults.get("slow_boot")
        start = due + (slow.delay_s if slow else 0)

        def job() -> None:
            if not core.clock.wait_until(start, unwanted):
                return
            wanted = spec()
            if wanted is None or "boot_never" in faults:
                return
            if anew:
                core.machines.destroy(id)
            address = core.machines.boot(_broken(wanted, faults), unwanted)
            if on(address) is False:
                core.machines.destroy(id)
                return
            core.machines.ready(id, unwanted)
            up()

        core.jobs.submit(id, job)

    def switch(self, id: str, act: Callable[[str], None], then: Callable[[], None], due: float = 0.0) -> None:
        """Do something to a machine, and say so in its record, not before that moment."""

        def job() -> None:
            act(id)
            if self._core.clock.wait_until(due, self._unwanted(id)):
                then()

        self._core.jobs.submit(id, job)

    def end(self, id: str) -> None:
        self._core.jobs.submit(id, lambda: self._core.machines.destroy(id))

    def _unwanted(self, id: str) -> _Unwanted:
        return _Unwanted(self._core, lambda: self._wanted(id))


class _Unwanted:
    """A `clock.Stop`: set once the record is gone, or the cloud stops."""

    def __init__(self, core: Core, wanted: Callable[[], bool]) -> None:
        self._stopping = core.jobs.stopping
        self._wanted = wanted

    def is_set(self) -> bool:
        return self._stopping.is_set() or not self._wanted()


def _broken(spec: MachineSpec, faults: Mapping[str, Fault]) -> MachineSpec:
    failing = faults.get("cloud_init_fail")
    how = (failing.how or "network") if failing else ""
    return replace(spec, refuse_key="refuse_key" in faults, cloud_init_fail=how)
