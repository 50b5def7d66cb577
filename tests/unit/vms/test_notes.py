"""Whoever writes what libvirt keeps of a VM is alone with that VM, and in nobody's way at another one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from mngr.model.errors import TimedOut
from mngr.vms import notes
from mngr.vms.hypervisor import Hypervisor

ONE, TWO = "0f2b8c1e-6f5c-4f3e-9f57-0123456789ab", "0f2b8c1f-6f5c-4f3e-9f57-0123456789ab"


@dataclass
class Clock:
    time: float = 0

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


def test_a_vm_that_hangs_is_in_no_other_ones_way(tmp_path: Path) -> None:
    clock = Clock()
    here = Hypervisor(None, None, "qemu:///system", tmp_path, "default", clock)
    with notes.alone(here, ONE):
        with notes.alone(here, TWO):
            assert clock.time == 0
        with pytest.raises(TimedOut, match=ONE), notes.alone(here, ONE):
            pass
    before = clock.time
    with notes.alone(here, ONE):
        assert clock.time == before
    assert [path.name for path in (tmp_path / ".mngr").iterdir()] == ["notes.lock"]
