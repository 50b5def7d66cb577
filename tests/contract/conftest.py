"""What the contract's worlds share in this process."""

import pytest

from mngr.testing.fakes import Fakes, unavailable


@pytest.fixture(scope="session")
def fakes():
    if reason := unavailable():
        pytest.skip(reason)
    with Fakes() as fakes:
        yield fakes
