"""A simulated OVH for each test that asks, without machines; or one with real ones for those that need them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("ovh")

from support.ovh import Account, Here
from support.ovh_schema import folder
from support.simcloud import Simcloud


@pytest.fixture(params=["us", "eu"])
def flavour(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def cloud() -> Iterator[Simcloud]:
    """OVH US, as its facts say it is."""
    with Here() as running:
        yield running


@pytest.fixture
def account(cloud: Simcloud) -> Account:
    return Account(cloud)


@pytest.fixture
def either(flavour: str) -> Iterator[Account]:
    """An account at OVH US, then one at OVH Europe."""
    with Here("--flavour", flavour) as running:
        yield Account(running)


@pytest.fixture(scope="session")
def contracts() -> Path:
    """The vendor's schemas; tests skip where the contracts folder isn't there."""
    return folder()


@pytest.fixture
def real_account() -> Iterator[Account]:
    """With container machines, twenty times as fast."""
    if (
        not shutil.which("docker")
        or subprocess.run(["docker", "version"], capture_output=True, check=False).returncode
    ):
        pytest.skip("no Docker daemon: run `scripts/dockerd start`")
    with Simcloud("ovh", "--machines", "container", "--speed", "20") as running:
        yield Account(running)
