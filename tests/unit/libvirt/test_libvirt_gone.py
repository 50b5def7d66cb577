"""What counts as gone, and what only can't be seen: a release that says Gone too early leaves a VM that nobody looks for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mngr.backends.libvirt.cloud import LibvirtCloud
from mngr.model.clock import SYSTEM
from mngr.model.errors import NotFound, Unreachable, Unreadable
from mngr.vms.images import Images
from mngr.vps_docker.vps_client import Gone, Later

from .conftest import order

URL = "https://images.test/a.img"


def kept(cloud: Any, spec: Any) -> dict[str, str]:
    handle: dict[str, str] = {}
    assert cloud.create(spec, handle, handle.update, lambda step: None) is not None
    return handle


def test_a_storage_pool_that_isnt_there_is_no_missing_vm(cloud: LibvirtCloud, conn: Any) -> None:
    handle = kept(cloud, order(cloud))
    wrong = LibvirtCloud(cloud.config, SYSTEM, {})
    wrong._environ = {"LIBVIRT_STORAGE_POOL": "nosuch"}
    for ask in (lambda: wrong.find({}), lambda: wrong.get(handle["id"])):
        with pytest.raises(Unreadable, match="nosuch"):
            ask()
    with pytest.raises(Unreachable, match="nosuch"):
        wrong.release(order(cloud), handle)
    assert conn.lookupByName(handle["id"]).isActive()
    with pytest.raises(NotFound):
        cloud.get("nosuch")


def test_its_files_go_with_it_from_another_folder_too(
    cloud: LibvirtCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle = kept(cloud, order(cloud, user_data="#cloud-config\n{a: secret}\n"))
    other = LibvirtCloud(cloud.config, SYSTEM, {})
    other._environ["LIBVIRT_STORAGE_PATH"] = str(tmp_path / "others")
    [seed] = (tmp_path / "disks").glob("*.seed.img")
    assert b"secret" in seed.read_bytes()
    other.blank_user_data(handle["id"])
    assert b"secret" not in seed.read_bytes()
    assert not list((tmp_path / "others").glob("[!.]*"))
    assert other.release(order(cloud), handle) == Gone()
    assert not list((tmp_path / "disks").glob("[!.]*"))


def test_a_delete_that_was_killed_after_libvirt_forgot_the_vm_finds_its_files(
    cloud: LibvirtCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def killed(*words: object) -> None:
        raise Killed

    handle = kept(cloud, order(cloud))
    other = LibvirtCloud(cloud.config, SYSTEM, {})
    other._environ["LIBVIRT_STORAGE_PATH"] = str(tmp_path / "others")
    with monkeypatch.context() as patch:
        patch.setattr("mngr.vms.files.Files.remove", killed)
        with pytest.raises(Killed):
            other.release(order(cloud), handle)
    assert list((tmp_path / "disks").glob("*.qcow2"))
    other.find({})
    assert not list((tmp_path / "disks").glob("[!.]*"))


def test_the_reservation_begins_when_the_image_is_there(
    cloud: LibvirtCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = cloud.config.image
    monkeypatch.setattr(Images, "get", lambda *words: Path(image))
    spec = order(cloud, image=URL, tags={"mngr-host-id": "host-0000000000000001", "mngr-until": "100"})
    machine = cloud.create(spec, {}, lambda more: None, lambda step: None)
    assert machine is not None
    assert int(machine.tags["mngr-until"]) > SYSTEM.now() + 800


def test_a_vm_that_went_half_way_isnt_gone(cloud: LibvirtCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    handle = kept(cloud, order(cloud))

    def vanished(*words: object) -> None:
        raise NotFound("can't read storage pools: one went")

    with monkeypatch.context() as patch:
        patch.setattr("mngr.vms.files.Files.remove", vanished)
        assert isinstance(cloud.release(order(cloud), handle), Later)
    assert cloud.release(order(cloud), handle) == Gone()
