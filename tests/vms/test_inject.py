"""Keys into a VM on a real libvirt, without a guest: an inject that is killed is carried out by the next one, or by a start."""

from __future__ import annotations

from pathlib import Path

import pytest

from mngr.vms import in_guest
from support.vms import Place, small

INJECT = [
    ("mngr.vms.authorized:write", "after"),
    ("libvirt:virDomain.setMetadata", "before"),
    ("mngr.vms.seed_keys:write", "after"),
    ("mngr.vms.agent:default_user", "after"),
]


@pytest.fixture
def vm(place: Place, blank: Path, tmp_path: Path) -> Place:
    place.env["SSH_KEY_DIR"] = str(tmp_path / "keys")
    for name in ("a", "b"):
        place.mngr("key", "create", name, "--type", "ed25519")
    place.mngr("create", "one", *small(blank))
    return place


def told(place: Place, tmp_path: Path) -> list[tuple[str, bool]]:
    """What the seed tells the guest: each key's comment, if it is to be there, and whether it is to be there."""
    [seed] = place.folder.glob("*.seed.img")
    copy = tmp_path / "copy"
    copy.write_bytes(seed.read_bytes())
    return [
        (one["key"].split()[2], True) if "key" in one else ("", False)
        for one in in_guest.read(copy)["changes"]
    ]


def test_keys_go_onto_the_seed_of_a_vm_that_runs_and_of_one_that_is_off(vm: Place, tmp_path: Path) -> None:
    [seed] = vm.folder.glob("*.seed.img")
    before = seed.stat().st_ino
    running = vm.told("key", "inject", "one", "a")
    assert (running["applied"], "agent" in running["reason"]) == ("next boot", True)
    vm.mngr("stop", "one", "--force", "--timeout", "0")
    off = vm.told("key", "inject", "one", "b", "--user", "dev")
    assert (off["applied"], off["reason"], off["user"]) == ("next boot", "it is stopped", "dev")
    vm.mngr("start", "one", "--no-wait")
    assert vm.told("key", "eject", "one", "a")["status"] == "ejected"
    assert told(vm, tmp_path) == [("b", True), ("", False)]
    assert seed.stat().st_ino == before  # QEMU has this one open
    assert vm.mngr("key", "injected", "one", "--format", "{key} {user}").stdout == "b dev\n"
    vm.mngr("key", "eject", "one", "none", code=3)
    vm.mngr("key", "inject", "one", "none", code=3)
    vm.mngr("key", "inject", "none", "a", code=3)
    vm.mngr("key", "inject", "one", "a", "--user", "root", code=2)
    vm.mngr("delete", "one", "--yes")
    assert vm.files() == []


@pytest.mark.parametrize(("point", "when"), INJECT, ids=[f"{when} {point}" for point, when in INJECT])
def test_an_inject_that_was_killed_may_be_repeated(vm: Place, tmp_path: Path, point: str, when: str) -> None:
    vm.dies(point, when, "key", "inject", "one", "a")
    known = vm.told("key", "injected", "one")["keys"]
    assert [one["applied"] for one in known] == ([] if "setMetadata" in point else ["next boot"])
    if known:  # a start goes on with it
        vm.mngr("stop", "one", "--force", "--timeout", "0")
        vm.mngr("start", "one", "--no-wait")
        assert told(vm, tmp_path) == [("a", True)]
    assert vm.told("key", "inject", "one", "a")["status"] == "injected"
    assert told(vm, tmp_path) == [("a", True)]
    assert vm.mngr("key", "injected", "one", "-q").stdout == "a\n"
    vm.mngr("delete", "one", "--yes")
    assert vm.files() == []
