"""For pytest, but not collected by itself: each mutant against the test that has to find it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import nimbus as nimbus_mutants
import vultr as vultr_mutants

from mngr.testing.cloud_contract import CloudContract
from mngr.testing.cloud_contract.base import Base
from support.clouds import SimulatedVultr
from support.nimbus.world import NimbusWorld


def _against(
    mutant: type[Any], test: str, make: Callable[[Path, type[Any]], Any], stop: Callable[[Any], object]
):
    @pytest.fixture
    def world(self: object, tmp_path: Path) -> Iterator[Any]:
        world = make(tmp_path, mutant)
        yield world
        stop(world)

    return type(f"Test{mutant.__name__}", (Base,), {"world": world, test: getattr(CloudContract, test)})


for _test, _mutants in nimbus_mutants.FOUND_BY.items():
    for _one in _mutants:
        globals()[f"TestNimbus_{_one.__name__}__{_test}"] = _against(
            _one, _test, NimbusWorld, lambda world: world.sky.stop()
        )
for _test, _mutants in vultr_mutants.FOUND_BY.items():
    for _one in _mutants:
        globals()[f"TestVultr_{_one.__name__}__{_test}"] = _against(
            _one, _test, lambda folder, kind: SimulatedVultr(kind), lambda world: world.sim.stop()
        )
