"""`ovh` on its simulated cloud passes the cloud suite, with a VPS of its own for each host."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mngr.testing.cloud_contract import CloudContract
from support.clouds import SimulatedOvh


class TestOvh(CloudContract):
    @pytest.fixture
    def world(self, tmp_path: Path) -> Iterator[SimulatedOvh]:
        world = SimulatedOvh(tmp_path, enable_recycle_cancelled=False)
        yield world
        world.sim.stop()
