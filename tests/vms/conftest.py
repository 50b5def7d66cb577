"""A libvirtd of the suite's own; one VM that really boots, and small ones that only run."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mngr.qemu.command import Bootable
from mngr.testing.libvirtd import Libvirtd
from mngr.vms import remove
from support.vms import Place, own_libvirtd, place_at


@pytest.fixture(scope="session")
def libvirtd() -> Iterator[Libvirtd]:
    with own_libvirtd() as daemon:
        yield daemon


@pytest.fixture
def place(libvirtd: Libvirtd, tmp_path: Path) -> Iterator[Place]:
    """For one test; what that leaves when it fails is no other's."""
    yield place_at(libvirtd.uri, tmp_path)
    place = place_at(libvirtd.uri, tmp_path)
    with place.hypervisor() as hypervisor:
        for domain in hypervisor.conn.listAllDomains():
            if domain.UUIDString()[:8] in str(place.files()):
                remove.take_away(hypervisor, domain.name(), domain.UUIDString())


@pytest.fixture(scope="session")
def blank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image with nothing on it: QEMU runs, and nothing boots."""
    image = tmp_path_factory.mktemp("images") / "blank.raw"
    with image.open("wb") as file:
        file.truncate(1024**2)
    return image


@pytest.fixture(scope="session")
def debian() -> Bootable:
    """The disk that the simulators' QEMU machines start from, from ~/.cache/mngr."""
    return _bootable("stock")


@pytest.fixture(scope="session")
def with_docker() -> Bootable:
    """The same with Docker and the image of agents' containers in it."""
    return _bootable("baked")


def _bootable(kind: str) -> Bootable:
    if not shutil.which("docker") or subprocess.run(["docker", "version"], capture_output=True).returncode:
        pytest.skip("no Docker daemon, which the disk is made with: run `scripts/dockerd start`")
    from mngr.simcloud.images.build import names
    from mngr.simcloud.images.disk import bootable

    images = names()
    return bootable(getattr(images, kind), images)
