"""`ovh` on its simulated cloud passes the cloud suite: where each host gets a VPS of its own, and where they are recycled."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mngr.testing.cloud_contract import CloudContract
from support.clouds import SimulatedOvh


class TestOvh(CloudContract):
    @pytest.fixture
    def world(self, tmp_path: Path) -> Iterator[SimulatedOvh]:
        world = SimulatedOvh(tmp_path)
        yield world
        world.sim.stop()
