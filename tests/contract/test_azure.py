"""`azure` keeps the contract, on fake machines and on real ones."""

import pytest

from mngr.testing.azure import HASTY, AzureWorld
from mngr.testing.cloud import SimulatedCloud
from mngr.testing.contract import AccountContract, ProviderContract, SshContract


class TestAzureOnFakeMachines(ProviderContract, SshContract, AccountContract):
    @pytest.fixture(scope="class")
    @classmethod
    def world(cls, tmp_path_factory, fakes):
        cloud = SimulatedCloud(
            "azure", *HASTY, "--machines", "fake", "--machines-cmd", str(fakes.command), env=fakes.env
        )
        yield AzureWorld(cloud, tmp_path_factory.mktemp("azure"), fakes)
        cloud.stop()
        assert [name for name in fakes.machines() if name != "daemon"] == []


@pytest.mark.e2e
class TestAzureOnRealMachines(ProviderContract, SshContract, AccountContract):
    @pytest.fixture(scope="class")
    @classmethod
    def world(cls, tmp_path_factory):
        cloud = SimulatedCloud("azure", *HASTY, "--machines", "container", "--stock-has-docker")
        # An image that has what hosts need: else each create would install packages, which tests/docker does.
        settings = {"MNGR__PROVIDERS__AZURE__DEFAULT_IMAGE": "mngr/agent:bookworm"}
        yield AzureWorld(cloud, tmp_path_factory.mktemp("azure"), settings=settings)
        cloud.stop()
