"""`libvirt` keeps the contract: on libvirt's own fake hypervisor, whose VMs are fake machines."""

import tempfile
import time
from pathlib import Path

import pytest

from mngr.testing.contract import AccountContract, ProviderContract, SshContract
from mngr.testing.contract.base import listed, shown
from mngr.testing.libvirt import LibvirtWorld, Rig
from mngr.testing.libvirtd import Libvirtd, missing

#: It is idle after 5 s; the guard looks each few seconds, and a loaded computer is slow.
IDLE_LIMIT_S = 150.0


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

    def test_an_idle_host_switches_its_vm_off_with_no_mngr_alive(self, world, mngr, make):
        """Its guard does, on the machine; a start brings it back at the same address."""
        made = make("--idle-timeout", "5s")
        name, host = made["agent"]["name"], made["host"]
        end = time.monotonic() + IDLE_LIMIT_S
        while self.state(world, host["id"]) != "off":
            assert time.monotonic() < end, listed(mngr, world)
            time.sleep(1)
        row = shown(mngr, world, name)
        assert row
        assert row["host"]["state"] == "paused"
        mngr.ok("start", name)
        row = shown(mngr, world, name)
        assert row
        assert (row["host"]["state"], row["host"]["address"]) == ("running", host["address"])
        assert self.state(world, host["id"]) == "on"

    @staticmethod
    def state(world, host_id):
        """Of the VM that says it is this host's, asked behind mngr's back."""
        [vm] = [one for one in world.rig.resources() if f"mngr-host-id={host_id}" in one["tags"]]
        return vm["state"]
