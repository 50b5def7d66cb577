"""Worlds that the crash tests drive. Fake machines are one set a process, and end with it."""

import tempfile
from pathlib import Path

import pytest

from mngr.testing.azure import HASTY, AzureWorld
from mngr.testing.cloud import SimulatedCloud
from mngr.testing.docker import DockerWorld
from mngr.testing.fixtures import fakes
from mngr.testing.libvirt import LibvirtWorld, Rig
from mngr.testing.libvirt_service import GatedService
from mngr.testing.libvirtd import Libvirtd, missing
from mngr.testing.local import LocalWorld
from mngr.testing.ovh import OvhWorld
from mngr.testing.vultr import VultrWorld
from support.vm_service import PREFIX, served

__all__ = ["fakes"]


@pytest.fixture
def local(tmp_path):
    world = LocalWorld(tmp_path)
    yield world
    world.close()


@pytest.fixture
def fake_docker(tmp_path, fakes):
    world = DockerWorld(tmp_path, fakes)
    yield world
    world.close()


@pytest.fixture
def vultr(tmp_path, fakes):
    cloud = SimulatedCloud("vultr", "--machines", "fake", "--machines-cmd", str(fakes.command), env=fakes.env)
    yield VultrWorld(cloud, tmp_path, fakes)
    cloud.stop()
    left = [name for name in fakes.machines() if name != "daemon"]
    assert not left, f"the cloud left machines: {left}"


@pytest.fixture
def azure(tmp_path, fakes):
    cloud = SimulatedCloud(
        "azure", *HASTY, "--machines", "fake", "--machines-cmd", str(fakes.command), env=fakes.env
    )
    yield AzureWorld(cloud, tmp_path, fakes)
    cloud.stop()
    left = [name for name in fakes.machines() if name != "daemon"]
    assert not left, f"the cloud left machines: {left}"


@pytest.fixture(params=["recycles", "orders"])
def ovh(tmp_path, fakes, request):
    """A create here recycles what destroy has left, or orders a VPS each time."""
    cloud = SimulatedCloud(
        "ovh", "--machines", "fake", "--machines-cmd", str(fakes.command), "--speed", "1000", env=fakes.env
    )
    settings = {"TAG_LAG": "0.05", "CLAIM_TIME": "0.8", "LIST_LAG": "0.2"}
    settings["ENABLE_RECYCLE_CANCELLED"] = str(request.param == "recycles").lower()
    yield OvhWorld(
        cloud,
        tmp_path,
        fakes,
        settings={f"MNGR__PROVIDERS__OVH__{key}": value for key, value in settings.items()},
    )
    cloud.stop()
    left = [name for name in fakes.machines() if name != "daemon"]
    assert not left, f"the cloud left machines: {left}"


@pytest.fixture(scope="session")
def libvirtd():
    if why := missing():
        pytest.skip(why)
    daemon = Libvirtd()
    yield daemon
    daemon.stop()


@pytest.fixture
def rig(fakes, libvirtd):
    with tempfile.TemporaryDirectory(prefix="mngr-rig-") as folder:
        rig = Rig(libvirtd.socket, Path(folder), fakes)
        yield rig
        rig.stop()
    left = [name for name in fakes.machines() if name != "daemon"]
    assert not left, f"the rig left machines: {left}"


@pytest.fixture
def libvirt(tmp_path, fakes, rig):
    return LibvirtWorld(rig, tmp_path, fakes)


@pytest.fixture
def libvirt_service(tmp_path, fakes, rig):
    """The same through the VM service, which lives while mngr is killed."""
    with served(rig, tmp_path / "service") as settings:
        gated = GatedService(rig, settings[f"{PREFIX}URL"])
        world = LibvirtWorld(rig, tmp_path, fakes, settings={**settings, f"{PREFIX}URL": gated.url})
        world.cloud = gated
        yield world
        gated.stop()
