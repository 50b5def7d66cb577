"""`azure` on its simulated cloud passes the cloud suite."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mngr.testing.cloud_contract import CloudContract
from support.clouds import SimulatedAzure


class TestAzure(CloudContract):
    @pytest.fixture
    def world(self, tmp_path: Path) -> Iterator[SimulatedAzure]:
        world = SimulatedAzure(tmp_path)
        yield world
        world.sim.stop()
