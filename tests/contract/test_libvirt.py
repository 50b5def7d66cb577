"""`libvirt` keeps the contract: on libvirt's own fake hypervisor, whose VMs are fake machines."""

import tempfile
from pathlib import Path

import pytest

from mngr.testing.contract import AccountContract, ProviderContract, SshContract
from mngr.testing.libvirt import LibvirtWorld, Rig
from mngr.testing.libvirtd import Libvirtd, missing


class TestLibvirtOnFakeMachines(ProviderContract, SshContract, AccountContract):
    @pytest.fixture(scope="class")
    @classmethod
    def world(cls, tmp_path_factory, fakes):
        if why := missing():
            pytest.skip(why)
        daemon = Libvirtd()
        with tempfile.TemporaryDirectory(prefix="mngr-rig-") as folder:
            rig = Rig(daemon.socket, Path(folder), fakes)
            yield LibvirtWorld(rig, tmp_path_factory.mktemp("libvirt"), fakes)
            rig.stop()
        daemon.stop()
        assert [name for name in fakes.machines() if name != "daemon"] == []
