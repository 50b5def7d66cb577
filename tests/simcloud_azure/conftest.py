"""A simulated Azure for each test that asks, without machines; or one with real ones for those that need them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.azure import Arm, Here
from support.azure_schema import Contract, folder
from support.simcloud import Simcloud


@pytest.fixture
def cloud() -> Iterator[Simcloud]:
    with Here() as running:
        yield running


@pytest.fixture
def arm(cloud: Simcloud) -> Arm:
    return Arm(cloud)


@pytest.fixture(scope="session")
def contract() -> Contract:
    """ARM's own; tests skip where the contracts folder isn't there."""
    return Contract(folder())
