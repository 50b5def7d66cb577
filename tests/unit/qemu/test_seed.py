"""The NoCloud seed: the files that cloud-init reads."""

import json
from pathlib import Path

from mngr.qemu import seed


def test_it_names_the_machine_and_its_keys() -> None:
    made = seed.files("i-1", "one", ["ssh-ed25519 AAAA me"], b"#cloud-config\n{}\n")
    assert json.loads(made["meta-data"]) == {
        "instance-id": "i-1",
        "local-hostname": "one",
        "public-keys": ["ssh-ed25519 AAAA me"],
    }
    assert (made["user-data"], made["vendor-data"]) == (b"#cloud-config\n{}\n", b"#cloud-config\n{}\n")


def test_user_data_goes_as_it_is_given_and_is_never_empty() -> None:
    assert seed.files("i", "one", user_data=b"#!/bin/sh\n\xff")["user-data"] == b"#!/bin/sh\n\xff"
    assert seed.files("i", "one")["user-data"].startswith(b"#cloud-config\n")


def test_a_root_password_is_the_vendors() -> None:
    made = seed.files("i", "one", root_password="s3cret")
    [user] = json.loads(made["vendor-data"].removeprefix(seed.HEAD))["chpasswd"]["users"]
    assert user == {"name": "root", "password": "s3cret", "type": "text"}
    assert b"s3cret" not in made["user-data"] + made["meta-data"]


def test_only_its_owner_reads_it(tmp_path: Path) -> None:
    folder = tmp_path / "seed"
    for _ in range(2):
        seed.write(folder, seed.files("i", "one"))
    assert sorted(path.name for path in folder.iterdir()) == ["meta-data", "user-data", "vendor-data"]
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700
