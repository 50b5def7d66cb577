"""`ovh` keeps the contract, on fake machines."""

import pytest

from mngr.testing.cloud import SimulatedCloud
from mngr.testing.contract import AccountContract, ProviderContract, SshContract
from mngr.testing.ovh import OvhWorld


class TestOvhOnFakeMachines(ProviderContract, SshContract, AccountContract):
    @pytest.fixture(scope="class")
    @classmethod
    def world(cls, tmp_path_factory, fakes):
        cloud = SimulatedCloud(
            "ovh", "--machines", "fake", "--machines-cmd", str(fakes.command), "--speed", "100", env=fakes.env
        )
        yield OvhWorld(cloud, tmp_path_factory.mktemp("ovh"), fakes)
        cloud.stop()
