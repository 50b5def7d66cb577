"""Worlds that the crash tests drive. Fake machines are one set a process, and end with it."""

import pytest

from mngr.testing.cloud import SimulatedCloud
from mngr.testing.docker import DockerWorld
from mngr.testing.fakes import Fakes, unavailable
from mngr.testing.local import LocalWorld
from mngr.testing.vultr import VultrWorld


@pytest.fixture(scope="session")
def fakes():
    if reason := unavailable():
        pytest.skip(reason)
    with Fakes() as fakes:
        yield fakes


@pytest.fixture
def local(tmp_path):
    world = LocalWorld(tmp_path)
    yield world
    world.close()


@pytest.fixture
def fake_docker(tmp_path, fakes):
    world = DockerWorld(tmp_path, fakes)
    yield world
    world.close()


@pytest.fixture
def vultr(tmp_path, fakes):
    cloud = SimulatedCloud("vultr", "--machines", "fake", "--machines-cmd", str(fakes.command), env=fakes.env)
    yield VultrWorld(cloud, tmp_path, fakes)
    cloud.stop()
    left = [name for name in fakes.machines() if name != "daemon"]
    assert not left, f"the cloud left machines: {left}"
