"""Templates' files: what can't be used is named, and those that mngr brings are right."""

from __future__ import annotations

from pathlib import Path

import pytest

from mngr.model.errors import InvalidInput, NotFound
from mngr.vms import presets
from mngr.vms.spec import check_user_data

BAD = {
    'image = "https://x/y"\nmemroy = 1': "did you mean memory",
    'image = "https://x/y"\nmemory = "1"': "memory",
    'image = "https://x/y"\nmemory = 1': "memory 1",
    'image = "https://x/y"\nvcpus = true': "vcpus",
    'image = "https://x/y"\ndisk = 0': "disk",
    'image = "https://x/y"\nuser = "root"': "root",
    'image = "https://x/y"\nsha256 = "x"': "SHA-256",
    'image = "https://x/y"\npackages = ["a b"]': "no package",
    'image = "https://x/y"\npackages = ["-o"]': "no package",
    'image = "https://x/y"\npackages = "a"': "packages",
    'image = "file:///etc/passwd"': "no address",
    'image = "https://x/y"\nabout = "a\\nb"': "one line",
    "memory = 7": "image",
    "image = ": "can't be read",
    "\0": "can't be read",
}


@pytest.mark.parametrize("text", BAD, ids=lambda one: ascii(one)[:40])
def test_what_cannot_be_used_is_named(tmp_path: Path, text: str) -> None:
    env = {"VM_PROVISIONER_TEMPLATES": str(tmp_path), "MNGR_HOME": str(tmp_path / "home")}
    (tmp_path / "one.toml").write_text(text)
    with pytest.raises(InvalidInput) as caught:
        presets.get("one", env)
    assert BAD[text] in caught.value.message
    [found] = [one for one in presets.all_(env) if one.name == "one"]
    assert found.template is None
    assert BAD[text] in found.problem


@pytest.mark.parametrize("name", ["", "..", "../one", "a/b", "one\n", "none", "x" * 100])
def test_a_name_leads_nowhere_else(tmp_path: Path, name: str) -> None:
    (tmp_path / "one.toml").write_text('image = "https://x/y"')
    env = {"VM_PROVISIONER_TEMPLATES": str(tmp_path / "sub"), "MNGR_HOME": str(tmp_path / "home")}
    with pytest.raises(NotFound):
        presets.get(name, env)


def test_those_that_mngr_brings(tmp_path: Path) -> None:
    found = presets.all_({"MNGR_HOME": str(tmp_path)})
    assert [one.name for one in found] == ["debian-12", "debian-13", "ubuntu-24.04"]
    for one in found:
        assert one.template is not None, one.problem
        assert one.template.image.startswith("https://")
        assert check_user_data(one.template.user_data).startswith(b"#cloud-config\n")
