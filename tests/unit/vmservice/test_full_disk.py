"""A disk that is full, read-only or broken: the answer says so, nothing is left half done, and a delete makes room."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from mngr.model.errors import MngrError, Unreachable
from mngr.qemu import img
from mngr.vms import images, library, look
from mngr.vmservice.settings import Settings
from support import shop as shops
from support.vm_http import Http
from support.wire import SkippingClock

FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/some/file")


def raising(problem: Exception) -> Any:
    def run(*args: object, **kwargs: object) -> None:
        raise problem

    return run


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EIO, errno.EACCES])
def test_the_answer_names_the_file_and_the_reason(
    http: Http, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(look, "list_", raising(OSError(number, os.strerror(number), "/some/file")))
    status, told = http("GET", "/api/vms")
    assert (status, told["detail"]) == (503, f"can't read or write /some/file: {os.strerror(number)}")


def test_a_bug_is_no_full_disk_and_in_the_audit_log_no_caller_who_went_away(
    http: Http, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(look, "show", raising(OSError(errno.EBADF, "x")))
    status, told = http("GET", "/api/vms/one")
    assert (status, "a bug" in told["detail"]) == (500, True)
    assert settings.audit_file
    assert json.loads(settings.audit_file.read_text().splitlines()[-1])["status"] == 500


def test_programs_words_of_a_full_disk_count_as_well() -> None:
    assert isinstance(img.QemuError("qemu-img: x: No space left on device").as_ours("can't"), Unreachable)
    assert not isinstance(img.QemuError("qemu-img: x: is corrupt").as_ours("can't"), Unreachable)
    libvirt = library.load()
    error = libvirt.libvirtError("x")
    error.err = (1, 10, "qemu-img: No space left on device", 2, "", None, None, -1, -1)
    assert isinstance(library.told(error, "take a snapshot"), Unreachable)


def test_a_download_that_fills_the_disk_leaves_room_and_nothing_else(tmp_path: Path) -> None:
    with shops.open_shop() as shop:
        shop.files["/a.img"] = (bytes(4096), '"v1"')
        folder = tmp_path / "images"
        fetcher = images.Images(folder, shops.HERE, SkippingClock(lambda seconds: None), shops.lookup)
        part = folder / f"{hashlib.sha256(shop.url('/a.img').encode()).hexdigest()[:32]}.part"
        folder.mkdir()
        part.symlink_to("/dev/full")
        with pytest.raises(OSError, match="No space left"):
            fetcher.get(shop.url("/a.img"), hashlib.sha256(bytes(4096)).hexdigest())
        assert list(folder.iterdir()) == []


def test_a_record_that_has_no_room_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "_sync", raising(FULL))
    with shops.open_shop() as shop:
        shop.files["/a.img"] = (bytes(4096), '"v1"')
        folder = tmp_path / "images"
        with pytest.raises(OSError, match="No space left"):
            images.Images(folder, shops.HERE, SkippingClock(lambda seconds: None), shops.lookup).get(
                shop.url("/a.img"), hashlib.sha256(bytes(4096)).hexdigest()
            )
    assert list(folder.iterdir()) == []


def test_errors_of_ours_stay_ours() -> None:
    assert type(img.QemuError("x").as_ours("can't", hint="so")) is MngrError
