"""`vultr` on its simulated cloud passes the cloud suite."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mngr.testing.cloud_contract import CloudContract
from support.clouds import SimulatedVultr


class TestVultr(CloudContract):
    @pytest.fixture
    def world(self) -> Iterator[SimulatedVultr]:
        world = SimulatedVultr()
        yield world
        world.sim.stop()
