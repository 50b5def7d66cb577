"""`docker` keeps the contract, on the real daemon and on the fake one that crash tests use."""

import subprocess

import pytest

from mngr.testing.contract import ProviderContract, SshContract
from mngr.testing.docker import DockerWorld


class TestDocker(ProviderContract, SshContract):
    pytestmark = pytest.mark.docker

    @pytest.fixture(scope="class")
    @classmethod
    def world(cls, tmp_path_factory):
        if subprocess.run(["docker", "version"], capture_output=True).returncode:
            pytest.skip("no Docker daemon runs here")
        world = DockerWorld(tmp_path_factory.mktemp("docker"))
        yield world
        world.close()
        assert world.docker("ps", "-aq", "--filter", f"label=mngr.provider={world.provider}") == ""


class TestFakeDocker(ProviderContract, SshContract):
    @pytest.fixture(scope="class")
    @classmethod
    def world(cls, tmp_path_factory, fakes):
        world = DockerWorld(tmp_path_factory.mktemp("docker"), fakes)
        yield world
        world.close()
