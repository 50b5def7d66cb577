"""`local` keeps the contract."""

import pytest

from mngr.testing.contract import ProviderContract
from mngr.testing.local import LocalWorld


class TestLocal(ProviderContract):
    @pytest.fixture(scope="class")
    @classmethod
    def world(cls, tmp_path_factory):
        world = LocalWorld(tmp_path_factory.mktemp("local"))
        yield world
        world.close()
