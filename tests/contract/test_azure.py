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
