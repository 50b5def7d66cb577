"""A create that is repeated, and one that meets another; without a guest."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from mngr.journal import Journal
from mngr.vms import addresses, remove
from mngr.vms.spec import VmSpec, differences
from mngr.vmservice import service
from mngr.vmservice.settings import Settings
from support.vm_http import ASKED, MADE, SPEC, URL, Http
from support.vms import place_at


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Addresses that images were asked for from; none comes."""
    asked: list[str] = []

    def get(self: object, url: str, *more: object) -> Path:
        asked.append(url)
        return Path("/nonexistent/image")

    monkeypatch.setattr("mngr.vms.images.Images.get", get)
    return asked


def test_a_repeated_create_is_the_same_vm_and_fetches_nothing(
    http: Http, there: Any, fetched: list[str]
) -> None:
    status, vm = http("POST", "/api/vms", ASKED)
    assert (status, vm.get("uuid")) == (200, MADE.uuid), vm
    for other in ({"imageUrl": URL + "?2"}, {"imageSha256": "0" * 64}, {"memory": 128}):
        status, problem = http("POST", "/api/vms", {**ASKED, **other})
        assert status == 409, problem
        assert "another spec" in problem["detail"]
    assert fetched == []


def test_a_create_answers_when_ssh_does_or_says_why_not_and_keeps_the_vm(
    http: Http, there: Any, fetched: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([False, True])
    monkeypatch.setattr(addresses, "has_banner", lambda ip, port: next(answers))
    assert http("POST", "/api/vms", {**ASKED, "wait": True})[1]["uuid"] == MADE.uuid
    assert next(answers, None) is None
    monkeypatch.setattr(addresses, "has_banner", lambda ip, port: False)
    status, problem = http("POST", "/api/vms", {**ASKED, "wait": True, "timeout": 1})
    assert status == 504
    assert "nothing speaks SSH at 192.168." in problem["detail"]
    assert "mngr vm show" in problem["hint"]
    there.destroy()
    monkeypatch.setattr("mngr.vms.create.started", lambda *_: None)  # it ends at once
    status, problem = http("POST", "/api/vms", {**ASKED, "wait": True})
    assert (status, "VM one is stopped" in problem["detail"]) == (504, True)
    there.create()
    assert http("GET", "/api/vms/one")[1]["state"] == "running"


def old_image(settings: Settings, name: str) -> Path:
    images = Path(settings.libvirt_env["LIBVIRT_STORAGE_PATH"]) / "images"
    images.mkdir(parents=True, exist_ok=True)
    image = images / f"{name * 64}.img"
    image.write_bytes(bytes(1024))
    image.with_suffix(".json").write_text('{"urls": [], "format": "raw", "disk": 1024, "fetched_at": 0}')
    os.utime(image, (0, 0))
    return image


@pytest.fixture
def _deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    """libvirt's made-up hypervisor can't remove a VM as QEMU's does."""
    monkeypatch.setattr(remove, "delete", lambda hypervisor, name: None)


@pytest.mark.usefixtures("_deleted")
def test_with_a_vm_go_the_images_that_nobody_needs(http: Http, settings: Settings) -> None:
    unused, used = old_image(settings, "a"), old_image(settings, "b")
    disks = used.parents[1]
    subprocess.run(
        [
            "qemu-img",
            "create",
            "-q",
            "-f",
            "qcow2",
            "-F",
            "raw",
            "-b",
            str(used),
            str(disks / "two-76543210.qcow2"),
        ],
        check=True,
    )
    assert http("DELETE", "/api/vms/one") == (200, {"status": "deleted", "vm": "one"})
    assert (unused.exists(), used.exists()) == (False, True)


@pytest.mark.usefixtures("_deleted")
def test_a_vm_is_deleted_also_where_it_is_not_known_what_is_needed(http: Http, settings: Settings) -> None:
    unused = old_image(settings, "a")
    (unused.parents[1] / "folder.qcow2").mkdir()
    assert http("DELETE", "/api/vms/one")[0] == 200
    assert unused.exists()


def test_images_by_the_command_line(tmp_path: Path, settings: Settings) -> None:
    image = old_image(settings, "a")
    place = place_at("test:///default", tmp_path)
    [row] = place.told("image", "list")["images"]
    assert (row["sha256"], row["needed"]) == ("a" * 64, False)
    assert "a" * 12 in place.mngr("image", "list").stdout
    assert [one["sha256"] for one in place.told("image", "prune")["removed"]] == ["a" * 64]
    assert not image.exists()
    assert place.mngr("image", "prune").stdout == "nothing to remove\n"
    assert place.mngr("image", "list").stdout == "no images\n"


def test_what_is_wrong_is_told_before_an_image_is_fetched(http: Http, fetched: list[str]) -> None:
    assert http("POST", "/api/vms", {**ASKED, "network": "nowhere"})[0] == 404
    assert http("POST", "/api/vms", {**ASKED, "name": "test"})[0] == 409  # somebody else's
    assert http("POST", "/api/vms", {**ASKED, "user": "root"})[0] == 422
    assert fetched == []


def test_a_create_waits_for_another_one_of_the_name_and_then_gives_up(
    http: Http, settings: Settings, fetched: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "BUSY_S", 0.3)
    disks = Path(settings.libvirt_env["LIBVIRT_STORAGE_PATH"])
    disks.mkdir()
    with Journal(disks / ".mngr").hold(remove.PROVIDER, "one"):
        status, problem = http("POST", "/api/vms", ASKED)
    assert status == 503
    assert "made or removed by somebody else" in problem["detail"]
    assert http("POST", "/api/vms", ASKED)[0] == 422  # the image isn't there


def test_where_an_image_came_from_is_compared_if_both_were_fetched() -> None:
    by_file = VmSpec(name="one", image="/images/a.img", memory_mib=64, vcpus=1, disk_gib=1)
    assert differences(by_file, SPEC) == differences(SPEC, by_file) == []
