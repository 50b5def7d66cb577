"""On real machines: each paid call's edges, and chains of kills through the lifecycle."""

import shutil
import subprocess

import pytest

from mngr.testing.cloud import SimulatedCloud
from mngr.testing.crash import drive_part
from mngr.testing.docker import DockerWorld
from mngr.testing.vultr import VultrWorld

pytestmark = [pytest.mark.crash, pytest.mark.docker]

#: An image that has what hosts need.
IMAGE = "mngr/agent:bookworm"


@pytest.fixture
def daemon():
    if not shutil.which("docker") or subprocess.run(["docker", "version"], capture_output=True).returncode:
        pytest.skip("no Docker daemon runs here")


@pytest.fixture
def docker(tmp_path, daemon):
    world = DockerWorld(tmp_path)
    world.create = (*world.create, "--image", IMAGE)
    yield world
    world.close()


@pytest.fixture
def rented(tmp_path, daemon):
    cloud = SimulatedCloud("vultr", "--machines", "container", "--stock-has-docker")
    yield VultrWorld(cloud, tmp_path, settings={"MNGR__PROVIDERS__VULTR__DEFAULT_IMAGE": IMAGE})
    cloud.stop()


def test_chains_of_kills_on_the_docker_daemon(docker):
    drive_part(docker, every=4)


def test_chains_of_kills_and_all_commit_edges_on_a_rented_machine(rented):
    drive_part(rented, every=25)
