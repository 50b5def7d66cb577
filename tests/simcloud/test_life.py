"""The machine behind a record, whatever the vendor: in order, at its time, with the faults of the call that ordered it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from mngr.simcloud.clock import Clock, Stop
from mngr.simcloud.cloud import Core
from mngr.simcloud.faults import Fault, Faults
from mngr.simcloud.life import Life
from mngr.simcloud.machines.base import MachineSpec, Options
from mngr.simcloud.machines.fake import FakeMachines

SPEC = MachineSpec("one", "box")


class Recording(FakeMachines):
    """Says what it was asked for."""

    def __init__(self) -> None:
        super().__init__(Options("here"))
        self.asked: list[str] = []
        self.booted: list[MachineSpec] = []

    def boot(self, spec: MachineSpec, stop: Stop) -> str:
        self.asked.append("boot")
        self.booted.append(spec)
        return super().boot(spec, stop)

    def destroy(self, id: str) -> None:
        self.asked.append("destroy")
        super().destroy(id)


@dataclass
class Record:
    """What a vendor keeps."""

    core: Core
    machines: Recording
    wanted: bool = True
    said: list[str] = field(default_factory=list)
    in_time: bool = True

    def __post_init__(self) -> None:
        self.life = Life(self.core, lambda id: self.wanted)

    def boot(self, due_in_s: float = 0, *faults: Fault, anew: bool = False) -> None:
        def on(address: str) -> bool:
            self.said.append(address.split(".")[0])
            return self.in_time

        self.life.boot(
            "one",
            self.core.clock.now() + due_in_s,
            {fault.do: fault for fault in faults},
            spec=lambda: SPEC,
            on=on,
            up=lambda: self.said.append("up"),
            anew=anew,
        )

    def settled(self, limit_s: float = 10) -> bool:
        return self.core.jobs.settle(limit_s)


@pytest.fixture
def record() -> Iterator[Record]:
    machines = Recording()
    made = Record(Core("here", Clock(), machines), machines)
    yield made
    assert made.core.jobs.stop(10)
    machines.close()


def fault(do: str, **more: object) -> Fault:
    return Faults().add({"do": do, **more})


def test_it_boots_when_it_is_due_and_no_sooner(record: Record) -> None:
    record.boot(60, fault("slow_boot", delay_s=60))
    record.core.clock.advance(61)
    assert not record.settled(0.1)
    record.core.clock.advance(60)
    assert record.settled()
    assert (record.machines.asked, record.said) == (["boot"], ["127", "up"])


def test_faults_are_built_in_for_every_vendor(record: Record) -> None:
    record.boot(0, fault("refuse_key"), fault("cloud_init_fail"))
    assert record.settled()
    [spec] = record.machines.booted
    assert (spec.refuse_key, spec.cloud_init_fail) == (True, "network")
    record.boot(0, fault("boot_never"))
    assert record.settled()
    assert record.machines.asked == ["boot"]


def test_one_whose_record_is_gone_isnt_waited_for(record: Record) -> None:
    record.boot(3600)
    record.wanted = False
    assert record.settled(2)
    assert (record.machines.asked, record.said) == ([], [])


def test_one_that_comes_too_late_is_removed(record: Record) -> None:
    record.in_time = False
    record.boot()
    assert record.settled()
    assert (record.machines.asked, record.said) == (["boot", "destroy"], ["127"])


def test_anew_is_another_disk_and_all_happens_in_order(record: Record) -> None:
    record.boot()
    record.life.switch("one", record.machines.halt, lambda: record.said.append("off"))
    record.boot(anew=True)
    record.life.end("one")
    assert record.settled()
    assert record.machines.asked == ["boot", "destroy", "boot", "destroy"]
    assert record.said == ["127", "up", "off", "127", "up"]
