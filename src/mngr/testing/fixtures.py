"""pytest fixtures for tests of providers. In your conftest.py: `from mngr.testing.fixtures import fakes`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mngr.testing.fakes import Fakes, unavailable

__all__ = ["fakes"]


@pytest.fixture(scope="session")
def fakes() -> Iterator[Fakes]:
    """Fake machines for all tests of a session; they end with it. Skips, with the reason, where they can't be had."""
    if reason := unavailable():
        pytest.skip(reason)
    with Fakes() as fakes:
        yield fakes
