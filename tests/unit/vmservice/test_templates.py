"""Templates over HTTP: they fill in what a create doesn't say."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path
from typing import Any

import pytest

from mngr.vmservice import templated
from mngr.vmservice.settings import Settings
from mngr.vmservice.shapes import VmCreate
from support.vm_http import Http


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    folder = tmp_path / "templates"
    folder.mkdir()
    (folder / "tiny.toml").write_text(
        'image = "https://images.test/a.img"\npackages = ["htop"]\nmemory = 64\nvcpus = 1\nuser = "me"\n'
    )
    (folder / "bad.toml").write_text("imaeg = 1\n")
    env = {
        **settings.libvirt_env,
        "VM_PROVISIONER_TEMPLATES": str(folder),
        "MNGR_HOME": str(tmp_path / "home"),
    }
    return dataclasses.replace(settings, libvirt_env=env)


def test_they_are_listed_and_broken_ones_beside_them(http: Http, tmp_path: Path) -> None:
    status, told = http("GET", "/api/templates")
    assert status == 200
    assert [one["name"] for one in told["templates"]] == ["debian-12", "debian-13", "tiny", "ubuntu-24.04"]
    assert told["templates"][2] == {
        "name": "tiny", "about": "", "imageUrl": "https://images.test/a.img", "imageSha256": None, "user": "me", "packages": ["htop"],
        "memory": 64, "vcpus": 1, "diskSize": 20, "path": str(tmp_path / "templates" / "tiny.toml"),
    }  # fmt: skip
    [broken] = told["problems"]
    assert "did you mean image?" in broken["problem"]
    assert broken["path"] == str(tmp_path / "templates" / "bad.toml")


def test_what_is_given_counts_before_the_template(settings: Settings) -> None:
    def filled(**given: Any) -> VmCreate:
        return templated.filled(VmCreate(name="one", template="tiny", **given), settings.libvirt_env)

    one = filled(memory=128, user="you")
    assert (one.memory, one.vcpus, one.user, one.imageUrl) == (128, 1, "you", "https://images.test/a.img")
    assert filled(memory=2048).memory == 2048
    assert filled(imageUrl="https://other.test/").imageUrl == "https://other.test/"


def test_a_create_takes_it(http: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(
        "mngr.vms.images.Images.get",
        lambda self, *words: Path("/nonexistent") if asked.append(words) is None else None,
    )
    made: list[Any] = []
    monkeypatch.setattr(
        "mngr.vms.create.create", lambda hypervisor, spec, data, **more: made.append((spec, data))
    )
    assert (
        http("POST", "/api/vms", {"name": "one", "template": "tiny", "vcpus": 2, "wait": False})[0] == 404
    )  # as it wasn't made
    [(spec, data)] = made
    assert (spec.memory_mib, spec.vcpus, spec.user) == (64, 2, "me")
    assert spec.user_data_sha256 == hashlib.sha256(data).hexdigest()
    assert asked[0][0] == "https://images.test/a.img"


@pytest.mark.parametrize(
    ("name", "status"), [("none", 404), ("bad", 422), ("../tiny", 422), ("", 422), (7, 422)]
)
def test_one_that_cannot_be_used(http: Http, name: object, status: int) -> None:
    assert http("POST", "/api/vms", {"name": "one", "template": name})[0] == status
