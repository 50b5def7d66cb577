"""A simulated Azure without machines, and our client aimed at it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mngr.backends.azure.arm import Arm
from mngr.backends.azure.config import AzureConfig
from mngr.backends.azure.group import Group
from mngr.testing.fixtures import fakes
from support import azure as other
from support.clouds import PlainLogin
from support.wire import SkippingClock

__all__ = ["fakes"]


@pytest.fixture
def sim() -> Iterator[other.Here]:
    with other.Here("--speed", "20") as running:
        yield running


@pytest.fixture
def theirs(sim: other.Here) -> other.Arm:
    """Another client of the same subscription."""
    return other.Arm(sim)


@pytest.fixture
def clock(sim: other.Here) -> SkippingClock:
    return SkippingClock(sim.advance)


@pytest.fixture
def arm(sim: other.Here, clock: SkippingClock) -> Arm:
    return Arm(PlainLogin(sim), sim.env["AZURE_SUBSCRIPTION_ID"], api_url=sim.url, clock=clock)  # type: ignore[arg-type]


@pytest.fixture
def group(arm: Arm) -> Group:
    return Group(subscription=arm.subscription, config=AzureConfig(), region="westus")
