"""`vultr` keeps the contract, on fake machines and on real ones."""

import pytest

from mngr.testing.cloud import SimulatedCloud
from mngr.testing.contract import AccountContract, ProviderContract, SshContract
from mngr.testing.vultr import VultrWorld


class TestVultrOnFakeMachines(ProviderContract, SshContract, AccountContract):
    @pytest.fixture(scope="class")
    @classmethod
    def world(cls, tmp_path_factory, fakes):
        cloud = SimulatedCloud(
            "vultr", "--machines", "fake", "--machines-cmd", str(fakes.command), env=fakes.env
        )
        yield VultrWorld(cloud, tmp_path_factory.mktemp("vultr"), fakes)
        cloud.stop()
        assert [name for name in fakes.machines() if name != "daemon"] == []


@pytest.mark.e2e
class TestVultrOnRealMachines(ProviderContract, SshContract, AccountContract):
    @pytest.fixture(scope="class")
    @classmethod
    def world(cls, tmp_path_factory):
        cloud = SimulatedCloud("vultr", "--machines", "container", "--stock-has-docker")
        # An image that has what hosts need: else each create would install packages, which tests/docker does.
        settings = {"MNGR__PROVIDERS__VULTR__DEFAULT_IMAGE": "mngr/agent:bookworm"}
        yield VultrWorld(cloud, tmp_path_factory.mktemp("vultr"), settings=settings)
        cloud.stop()
