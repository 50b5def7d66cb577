"""What counts as gone, and what only can't be seen: a release that says Gone too early leaves a VM that nobody looks for."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest

from mngr.backends.libvirt.cloud import LibvirtCloud
from mngr.model.clock import SYSTEM
from mngr.model.errors import Conflict, InvalidInput, MngrError, NotFound, Unreachable, Unreadable
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


def test_an_old_note_of_a_stop_isnt_how_it_went_off_since(
    cloud: LibvirtCloud, conn: Any, tmp_path: Path
) -> None:
    """It was started by somebody else since, ran on, and shut itself down: its disk was written long after."""
    handle = kept(cloud, order(cloud))
    cloud.power(handle["id"], False)
    how = cloud.ended(handle["id"])
    assert how
    assert how.by == "person"
    conn.lookupByName(handle["id"]).create()
    conn.lookupByName(handle["id"]).shutdown()
    later = how.at + 7200
    for disk in (tmp_path / "disks").glob("*.qcow2"):
        os.utime(disk, (later, later))
    now = cloud.ended(handle["id"])
    assert now
    assert (now.by, now.at) == ("itself", later)


def test_a_session_is_one_users_on_one_computer(cloud: LibvirtCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    def account(uid: int) -> str:
        monkeypatch.setattr(os, "geteuid", lambda: uid)
        one = LibvirtCloud(cloud.config, SYSTEM, {})
        one.uri = "qemu:///session"
        return one.account()

    assert account(1000) != account(1001)
    assert account(0).startswith("libvirt qemu:///system on ")
    here = account(1000)
    monkeypatch.setattr("mngr.backends.libvirt.cloud._computer", lambda: "another")
    assert account(1000) != here


def test_a_folder_that_isnt_ours_to_write_to_is_a_mistake(cloud: LibvirtCloud, tmp_path: Path) -> None:
    (tmp_path / "disks").write_text("a file")
    with pytest.raises(InvalidInput, match="can't be made in"):
        cloud.check(order(cloud))
    with pytest.raises(InvalidInput, match="can't be made in"):
        kept(cloud, order(cloud))


def test_a_port_that_is_taken_on_all_addresses_is_named(
    cloud: LibvirtCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mngr.vms.forwards.ADDRESSES", 20)
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        port = taken.getsockname()[1]
        monkeypatch.setattr("mngr.backends.libvirt.cloud.FORWARDED_SSH", port)
        with pytest.raises(MngrError, match="no loopback address") as caught:
            kept(cloud, order(cloud))
    assert isinstance(caught.value, Conflict)
    assert f"sport = {port}" in (caught.value.hint or "")
