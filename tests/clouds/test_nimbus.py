"""The toy cloud of CONTRIBUTING.md passes the cloud suite."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mngr.testing.cloud_contract import CloudContract
from support.nimbus.world import NimbusWorld


class TestNimbus(CloudContract):
    @pytest.fixture
    def world(self, tmp_path: Path) -> Iterator[NimbusWorld]:
        world = NimbusWorld(tmp_path)
        yield world
        world.sky.stop()
