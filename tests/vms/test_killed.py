"""A create or delete that was killed at any step: the next look, or the same command again, ends where a clean run does."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mngr.model.errors import MngrError
from mngr.vms import create, look, remove
from mngr.vms.spec import VmSpec
from support.vms import Place, small

CREATE = [
    ("mngr.vms.remove:begin", "after"),
    ("mngr.qemu.overlay:create", "after"),
    ("mngr.qemu.seed:write", "after"),
    ("mngr.qemu.img:fat", "after"),
    ("libvirt:virConnect.defineXML", "after"),
    ("libvirt:virDomain.setAutostart", "after"),
    ("libvirt:virDomain.create", "after"),
    ("mngr.journal.store:Held.done", "before"),
]
DELETE = [
    ("mngr.vms.remove:begin", "after"),
    ("libvirt:virDomain.destroy", "after"),
    ("libvirt:virDomain.undefineFlags", "after"),
    ("mngr.vms.files:Files.remove", "after"),
    ("mngr.journal.store:Held.done", "before"),
]


@pytest.mark.parametrize(("point", "when"), CREATE, ids=[point for point, _ in CREATE])
def test_what_a_killed_create_left_goes_with_the_next_look(
    place: Place, blank: Path, point: str, when: str
) -> None:
    place.dies(point, when, "create", "one", *small(blank, "--autostart"))
    assert len(place.files()) > 0
    with place.hypervisor() as hypervisor:
        assert remove.sweep(hypervisor) == [remove.Leftover("one", "create")]
        assert "one" not in [vm.name for vm in look.list_(hypervisor)]
    assert place.files() == []


@pytest.mark.parametrize(("point", "when"), [CREATE[0], CREATE[4], CREATE[-1]], ids=lambda one: one)
def test_a_killed_create_is_gone_on_with_by_the_same_create(
    place: Place, blank: Path, point: str, when: str
) -> None:
    place.dies(point, when, "create", "one", *small(blank, "--autostart"))
    assert place.told("create", "one", *small(blank, "--autostart"))["vm"]["state"] == "running"
    with place.hypervisor() as hypervisor:
        assert remove.sweep(hypervisor) == []
        remove.delete(hypervisor, "one")
    assert place.files() == []


@pytest.mark.parametrize(("point", "when"), DELETE, ids=[point for point, _ in DELETE])
def test_a_killed_delete_is_finished_by_the_same_delete_or_the_next_look(
    place: Place, blank: Path, point: str, when: str
) -> None:
    for finish in (["delete", "one", "--yes"], ["list"]):
        place.mngr("create", "one", *small(blank))
        place.dies(point, when, "delete", "one", "--yes")
        place.mngr(*finish)
        assert place.files() == []
        with place.hypervisor() as hypervisor:
            assert hypervisor.find("one") is None


def test_a_vm_that_was_made_is_never_taken_for_a_leftover(place: Place, blank: Path) -> None:
    place.mngr("create", "one", *small(blank))
    with place.hypervisor() as hypervisor:
        assert remove.sweep(hypervisor) == []
        assert hypervisor.find("one") is not None
        remove.delete(hypervisor, "one")


def test_another_libvirt_s_leftovers_are_let_be(place: Place, blank: Path) -> None:
    place.dies("mngr.qemu.img:fat", "after", "create", "one", *small(blank))
    before = place.files()
    with place.hypervisor() as hypervisor:
        hypervisor.uri = "qemu:///other"
        assert remove.sweep(hypervisor) == []
    assert place.files() == before
    place.mngr("list")
    assert place.files() == []


def test_what_can_t_be_cleared_away_is_told_and_tried_again(place: Place, blank: Path) -> None:
    place.dies("mngr.qemu.img:fat", "after", "create", "one", *small(blank))
    with place.hypervisor() as hypervisor, pytest.MonkeyPatch.context() as patch:

        def refuse(self: object) -> None:
            raise OSError("the disk is broken")

        patch.setattr("mngr.vms.files.Files.remove", refuse)
        assert remove.sweep(hypervisor) == [remove.Leftover("one", "create", "the disk is broken")]
    assert "cleared away what a killed create of VM one left" in place.mngr("list").stderr
    assert place.files() == []


def test_of_two_creates_at_once_one_makes_the_vm(place: Place, blank: Path) -> None:
    """The other is told that somebody is at work on it, or finds the same VM."""
    words = [sys.executable, "-m", "mngr", "vm", "create", "one", *small(blank), "--format", "json"]
    both = [
        subprocess.Popen(words, env=place.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    answers = [(one.communicate(timeout=120), one.returncode) for one in both]
    codes = sorted(code for _, code in answers)
    assert codes in ([0, 0], [0, 4]), answers
    assert [json.loads(out)["made"] for (out, _), code in answers if code == 0].count(True) == 1
    assert len(place.files()) == 2
    place.mngr("delete", "one", "--yes")
    assert place.files() == []


def test_a_create_that_fails_and_can_t_be_taken_back_says_both_and_the_next_look_does_it(
    place: Place, blank: Path
) -> None:
    spec = VmSpec(name="one", image=str(blank), memory_mib=64, vcpus=1, disk_gib=1, network="user")
    with place.hypervisor() as hypervisor, pytest.MonkeyPatch.context() as patch:

        def refuse(*_: object) -> None:
            raise MngrError("the disk is broken")

        def not_started(*_: object) -> None:
            raise MngrError("QEMU said no")

        patch.setenv("MNGR_HOME", place.env["MNGR_HOME"])
        patch.setattr(create, "started", not_started)
        patch.setattr(remove, "take_away", refuse)
        with pytest.raises(MngrError, match="QEMU said no") as caught:
            create.create(hypervisor, spec)
        assert "the disk is broken" in caught.value.details
    assert place.files() != []
    place.mngr("list")
    assert place.files() == []
