"""The place on a seed where keys are written over."""

from __future__ import annotations

import email
from pathlib import Path

import pytest

from mngr.model.errors import Conflict, NotSupported
from mngr.qemu import seed
from mngr.vms import in_guest, seed_keys
from mngr.vms.seed_keys import NEXT_BOOT, NOW, Change

UUID = "0f2b8c1e-6f5c-4f3e-9f57-0123456789ab"


def change(serial: int, key: str, present: bool = True, applied: str = NEXT_BOOT) -> Change:
    return Change(serial=serial, name="k", key=key, user="", present=present, applied=applied)


def hook(vendor: bytes) -> bytes:
    """As cloud-init makes a file of it."""
    [config, part] = email.message_from_bytes(vendor).get_payload()
    assert config.get_content_type() == "text/cloud-config"
    assert part.get_content_type() == "text/cloud-boothook"
    return part.get_payload(decode=True)


def test_the_seed_says_them_and_nothing_else_on_it_changes(tmp_path: Path) -> None:
    image, script = tmp_path / "seed", tmp_path / "script"
    files = seed.files(UUID, "one", user="dev", boothook=seed_keys.script(UUID, "dev"))
    image.write_bytes(b"\1" * 512 + files["vendor-data"] + b"\2" * 512)
    before = image.read_bytes()
    key = "ssh-ed25519 AAAAone é"
    for _ in range(2):
        seed_keys.write(image, UUID, "dev", [change(7, key)])
    after = image.read_bytes()
    assert len(after) == len(before)
    script.write_bytes(hook(after[512:-512]))
    assert in_guest.read(script) == {
        "vm": UUID,
        "user": "dev",
        "changes": [{"serial": 7, "user": "", "key": key}],
    }
    compile(script.read_text(), "script", "exec")
    seed_keys.write(image, UUID, "dev", [])
    assert image.read_bytes() == before


def test_a_seed_without_that_place_is_left_as_it_is(tmp_path: Path) -> None:
    image = tmp_path / "seed"
    image.write_bytes(seed.files(UUID, "one")["vendor-data"])
    before = image.read_bytes()
    with pytest.raises(NotSupported, match="no place for keys"):
        seed_keys.write(image, UUID, "", [])
    assert image.read_bytes() == before


def test_where_there_is_no_room_what_is_done_is_forgotten() -> None:
    long = [change(at, f"ssh-rsa {'A' * 9700}{at}") for at in range(5)]
    gone = [change(9 + at, f"ssh-rsa {'B' * 90}{at}", present=False, applied=NOW) for at in range(8)]
    waits = change(20, f"ssh-rsa {'C' * 9000}", present=False)
    assert seed_keys.fitting([*long[:3], *gone], [waits]) == [*long[:3], *gone]
    assert seed_keys.fitting([*long, *gone], [waits]) == long
    with pytest.raises(Conflict, match="too many"):
        seed_keys.fitting([*long, waits], [change(21, f"ssh-rsa {'D' * 9000}")])


def test_an_eject_makes_room_though_no_agent_says_that_it_is_done() -> None:
    """Its key stays on the seed as a digest."""
    there: list[Change] = []
    for at in range(150):
        key = f"ssh-rsa {'A' * 540}{at} someone@somewhere"
        there = [*seed_keys.fitting(there, [change(at, key)]), change(at, key, present=False)]
    assert len(seed_keys.fitting(there, [change(200, "ssh-rsa A")])) == 150
