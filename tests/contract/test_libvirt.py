"""`libvirt` keeps the contract, straight and through the VM service: on libvirt's own fake hypervisor, whose VMs are fake machines."""

import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from mngr.testing.contract import AccountContract, ProviderContract, SshContract
from mngr.testing.contract.base import Base, listed, shown
from mngr.testing.contract.lifecycle import Lifecycle
from mngr.testing.contract.listing import Listings
from mngr.testing.contract.mistakes import Mistakes
from mngr.testing.contract.secrets import Secrets
from mngr.testing.libvirt import LibvirtWorld, Rig
from mngr.testing.libvirtd import Libvirtd, missing
from support.vm_service import served

#: It is idle after 5 s; the guard looks each few seconds, and a loaded computer is slow.
IDLE_LIMIT_S = 150.0


@contextmanager
def rig_of(fakes):
    if why := missing():
        pytest.skip(why)
    daemon = Libvirtd()
    with tempfile.TemporaryDirectory(prefix="mngr-rig-") as folder:
        rig = Rig(daemon.socket, Path(folder), fakes)
        yield rig
        rig.stop()
    daemon.stop()
    assert [name for name in fakes.machines() if name != "daemon"] == []


class Idle(Base):
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


class TestLibvirtOnFakeMachines(Idle, ProviderContract, SshContract, AccountContract):
    @pytest.fixture(scope="class")
    @classmethod
    def world(cls, tmp_path_factory, fakes):
        with rig_of(fakes) as rig:
            yield LibvirtWorld(rig, tmp_path_factory.mktemp("libvirt"), fakes)


class TestLibvirtThroughTheServiceOnFakeMachines(
    Idle, Lifecycle, Listings, Mistakes, Secrets, SshContract, AccountContract
):
    """But for agents' states, of which its host alone knows: the service has no part in them."""

    @pytest.fixture(scope="class")
    @classmethod
    def world(cls, tmp_path_factory, fakes):
        with rig_of(fakes) as rig, served(rig, tmp_path_factory.mktemp("service")) as settings:
            world = LibvirtWorld(rig, tmp_path_factory.mktemp("libvirt"), fakes, settings=settings)
            world.mistakes = tuple(
                (words, "address" if named == "/nosuch/image" else named) for words, named in world.mistakes
            )
            yield world
