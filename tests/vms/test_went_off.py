"""How a VM went off, and that this is known for longer than libvirtd runs, which forgets it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mngr.model.waiting import looks
from mngr.testing.libvirtd import Libvirtd
from mngr.vms import ended, guests, states
from mngr.vms.guests import Guest
from support.vms import Place, own_libvirtd, place_at, small

#: mov dx, 0x604; mov ax, 0x2000; out dx, ax: what ACPI has a guest write to switch itself off.
OFF = bytes.fromhex("ba0406b80020eff4")


@pytest.fixture(scope="module")
def daemon() -> Iterator[Libvirtd]:
    with own_libvirtd() as daemon:
        yield daemon


@pytest.fixture
def place(daemon: Libvirtd, tmp_path: Path) -> Iterator[Place]:
    place = place_at(daemon.uri, tmp_path)
    yield place
    for name in place.names():
        place.mngr("delete", name, "--yes")


def read(place: Place) -> Guest:
    with place.hypervisor() as hypervisor:
        return guests.get(hypervisor, "one")


def off(place: Place, tmp_path: Path) -> None:
    image = tmp_path / "image.raw"
    image.write_bytes((OFF.ljust(510, b"\0") + b"\x55\xaa").ljust(1024**2, b"\0"))
    place.mngr("create", "one", *small(image))
    with place.hypervisor() as hypervisor:
        for _ in looks(hypervisor.clock, 60):
            if states.of(hypervisor.get("one")) == states.STOPPED:
                return
        raise AssertionError("it runs")


def test_one_that_switched_itself_off_did_so_after_libvirtd_was_started_anew(
    place: Place, daemon: Libvirtd, tmp_path: Path
) -> None:
    off(place, tmp_path)
    before = read(place)
    assert before.off_by == "itself"
    daemon.restart()
    assert read(place) == before
    disk = place.told("show", "one")["vm"]["disks"][0]
    os.utime(disk)  # it ran since
    assert read(place).off_by == ""


def test_where_nobody_looked_before_its_log_says_so(
    place: Place, daemon: Libvirtd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And of one whose plug was pulled the log says something else."""
    monkeypatch.setattr(ended, "LOGS", daemon.folder / "var/log/libvirt/qemu")
    off(place, tmp_path)
    daemon.restart()
    assert read(place).off_by == "itself"
    with (ended.LOGS / "one.log").open("a") as file:
        file.write("2026-11-30 19:00:00.000+0000: starting up libvirt version: 9\n")
    os.utime(place.told("show", "one")["vm"]["disks"][0])
    assert read(place).off_by == ""


def test_what_is_done_to_its_seed_while_it_is_off_changes_nothing(place: Place, tmp_path: Path) -> None:
    off(place, tmp_path)
    before = read(place)
    assert before.off_at
    seed = Path(place.told("show", "one")["vm"]["disks"][1])
    os.utime(seed, (before.off_at + 10_000, before.off_at + 10_000))
    assert read(place) == before
