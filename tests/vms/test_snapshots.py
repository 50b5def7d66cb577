"""Snapshots through the command line: of a VM that runs and of one that is off; restored, listed, deleted."""

from __future__ import annotations

from pathlib import Path

import pytest

from mngr.qemu import img
from support.vms import Place, small

HOSTILE = ["", "a b", "../x", "a/b", "<x/>", "a'\"", "&e;", "-x", "x" * 64, "é", "a\nb"]


def test_a_vm_goes_back_to_the_state_that_it_was_in(place: Place, blank: Path) -> None:
    place.mngr("create", "one", *small(blank))
    taken = place.told("snapshot", "create", "one", "live")["snapshot"]
    assert (taken["name"], taken["state"], taken["current"]) == ("live", "running", True)
    assert place.told("show", "one")["vm"]["state"] == "running"
    place.mngr("stop", "one", "--force", "--timeout", "0")
    assert place.told("snapshot", "create", "one", "off")["snapshot"]["state"] == "stopped"
    assert place.mngr("snapshot", "list", "one", "-q").stdout.split() == ["live", "off"]
    assert place.told("snapshot", "restore", "one", "live", "--yes")["state"] == "running"
    assert [one["current"] for one in place.told("snapshot", "list", "one")["snapshots"]] == [True, False]
    assert place.told("snapshot", "restore", "one", "off", "--yes")["state"] == "stopped"
    place.mngr("snapshot", "delete", "one", "live", "--yes")
    assert place.mngr("snapshot", "list", "one", "--format", "{name} {state}").stdout == "off stopped\n"
    place.mngr("delete", "one", "--yes")
    assert place.files() == []


def test_what_the_disk_had_comes_back(place: Place, blank: Path, tmp_path: Path) -> None:
    place.mngr("create", "one", *small(blank))
    place.mngr("stop", "one", "--force", "--timeout", "0")
    disk = Path(place.told("show", "one")["vm"]["disks"][0])
    write_first_byte(disk, tmp_path, b"1")
    place.mngr("snapshot", "create", "one", "first")
    write_first_byte(disk, tmp_path, b"2")
    place.mngr("snapshot", "restore", "one", "first", "--yes")
    img.run("convert", "-O", "raw", str(disk), str(tmp_path / "read"))
    with (tmp_path / "read").open("rb") as file:
        assert file.read(1) == b"1"


def write_first_byte(disk: Path, folder: Path, byte: bytes) -> None:
    (folder / "byte").write_bytes(byte.ljust(512))
    img.run("dd", "-O", "raw", "bs=512", "count=1", f"if={folder / 'byte'}", f"of={folder / 'raw'}")
    img.run("convert", "-n", "-f", "raw", "-O", "qcow2", str(folder / "raw"), str(disk))


def test_mistakes_are_named_and_change_nothing(place: Place, blank: Path) -> None:
    place.mngr("create", "one", *small(blank))
    place.mngr("snapshot", "create", "one", "first")
    assert "has a snapshot first already" in place.mngr("snapshot", "create", "one", "first", code=4).stderr
    assert "has no snapshot 'second'" in place.mngr("snapshot", "restore", "one", "second", code=3).stderr
    assert "has no snapshot 'second'" in place.mngr("snapshot", "delete", "one", "second", code=3).stderr
    for verb in ("restore", "delete"):
        assert "--yes" in place.mngr("snapshot", verb, "one", "first", code=2).stderr
    for words in (
        ["create", "none", "x"],
        ["list", "none"],
        ["restore", "none", "x"],
        ["delete", "none", "x"],
    ):
        assert "no VM 'none'" in place.mngr("snapshot", *words, code=3).stderr
    assert place.mngr("snapshot", "list", "one", "-q").stdout == "first\n"
    place.mngr("delete", "one", "--yes")


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_a_hostile_name_is_refused_before_libvirt_is_asked(name: str) -> None:
    from types import SimpleNamespace

    from mngr.model.errors import InvalidInput
    from mngr.vms import snapshots

    with pytest.raises(InvalidInput, match="snapshot name"):
        snapshots.create(SimpleNamespace(), "one", name)  # type: ignore[arg-type]
