"""Whoever writes what libvirt keeps of a VM is alone with that VM, and in nobody's way at another one."""

from __future__ import annotations

from pathlib import Path

import pytest

from mngr.model.errors import TimedOut
from mngr.vms import notes
from mngr.vms.hypervisor import Hypervisor
from support.rented import ManualClock

ONE, TWO = "0f2b8c1e-6f5c-4f3e-9f57-0123456789ab", "0f2b8c1f-6f5c-4f3e-9f57-0123456789ab"


def test_a_vm_that_hangs_is_in_no_other_ones_way(tmp_path: Path) -> None:
    clock = ManualClock()
    here = Hypervisor(None, None, "qemu:///system", tmp_path, "default", clock)
    with notes.alone(here, ONE):
        with notes.alone(here, TWO):
            assert not clock.slept
        with pytest.raises(TimedOut, match=ONE), notes.alone(here, ONE):
            pass
    before = clock.now()
    with notes.alone(here, ONE):
        assert clock.now() == before
    assert [path.name for path in (tmp_path / ".mngr").iterdir()] == ["notes.lock"]
