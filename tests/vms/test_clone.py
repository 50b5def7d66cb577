"""A VM made of another one: its own in all that makes a machine, the same in what is on its disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mngr.qemu import img
from mngr.vms import look, remove
from support.vms import Place, small


def off(place: Place, blank: Path, name: str = "one", *more: str) -> dict[str, Any]:
    place.mngr("create", name, *small(blank, *more))
    place.mngr("stop", name, "--force", "--timeout", "0")
    return place.told("show", name)["vm"]


def write(disk: Path, folder: Path, byte: bytes) -> None:
    """At the disk's end: beyond the image."""
    (folder / "raw").write_bytes(byte * 512)
    at = 900 * 1024**2 // 512
    img.run(
        "dd", "-f", "raw", "-O", "raw", "bs=512", "count=1", f"if={folder / 'raw'}", f"of={folder / 'one'}"
    )
    with (folder / "whole").open("wb") as file:
        file.truncate(1024**3)
        file.seek(at * 512)
        file.write((folder / "one").read_bytes())
    img.run("convert", "-n", "-f", "raw", "-O", "qcow2", str(folder / "whole"), str(disk))


def read(disk: Path, folder: Path) -> bytes:
    img.run("convert", "-O", "raw", str(disk), str(folder / "read"))
    with (folder / "read").open("rb") as file:
        file.seek(900 * 1024**2)
        return file.read(512)


def test_a_clone_is_its_own_and_outlives_its_source(place: Place, blank: Path, tmp_path: Path) -> None:
    source = off(place, blank, "one", "--autostart")
    write(Path(source["disks"][0]), tmp_path, b"x")
    place.mngr("snapshot", "create", "one", "s")
    told = place.told("clone", "one", "two")
    clone = told["vm"]
    assert (told["made"], clone["state"], clone["autostart"], clone["memory"]) == (True, "stopped", False, 64)
    assert clone["uuid"] != source["uuid"]
    assert set(clone["disks"]).isdisjoint(source["disks"])
    assert place.told("snapshot", "list", "two")["snapshots"] == []
    assert "snapshot" not in img.run("info", clone["disks"][0]).lower()
    assert img.head(Path(clone["disks"][0])).outside == (str(blank),)
    with place.hypervisor() as hypervisor:
        one, two = (hypervisor.get(name).XMLDesc() for name in ("one", "two"))
    assert (one.partition("mac=")[2][:17], one.partition("hostfwd=")[2][:30]) != (
        two.partition("mac=")[2][:17],
        two.partition("hostfwd=")[2][:30],
    )
    seed = Path(clone["disks"][1]).read_bytes()
    assert clone["uuid"].encode() in seed
    assert b'"local-hostname": "two"' in seed
    # before it asks for an address, as that may go by the machine id
    assert [b'"dsmode": "local"' in Path(one["disks"][1]).read_bytes() for one in (clone, source)] == [
        True,
        False,
    ]
    assert place.told("clone", "one", "two") == {"vm": clone, "made": False}
    place.mngr("delete", "one", "--yes")
    assert read(Path(clone["disks"][0]), tmp_path) == b"x" * 512
    assert place.told("start", "two", "--no-wait")["vm"]["state"] == "running"
    place.mngr("delete", "two", "--yes")
    assert place.files() == []


def test_a_clone_of_a_clone_and_a_name_that_is_taken(place: Place, blank: Path) -> None:
    off(place, blank)
    place.mngr("create", "other", *small(blank))
    place.mngr("clone", "one", "two")
    assert place.told("clone", "two", "three")["made"]
    assert "cloned_from" in place.mngr("clone", "one", "three", code=4).stderr
    assert "another spec" in place.mngr("clone", "one", "other", code=4).stderr
    assert "cloned_from" in place.mngr("create", "two", *small(blank), code=4).stderr
    place.mngr("resize", "one", "--memory", "128")
    assert "memory_mib is 64, not 128" in place.mngr("clone", "one", "two", code=4).stderr


def test_what_runs_or_is_not_there_is_not_cloned(place: Place, blank: Path) -> None:
    place.mngr("create", "one", *small(blank))
    before = place.files()
    refused = place.mngr("clone", "one", "two", code=4).stderr
    assert "VM one is running" in refused
    assert "mngr vm stop one" in refused
    place.mngr("clone", "none", "two", code=3)
    place.mngr("clone", "one", "one", code=4)
    place.mngr("clone", "one", "../two", code=2)
    assert place.files() == before
    with place.hypervisor() as hypervisor:
        hypervisor.get("one").managedSave()
        assert "saved to disk" in place.mngr("clone", "one", "two", code=4).stderr
    assert place.files() == before


def test_a_source_that_was_started_meanwhile_leaves_no_clone(place: Place, blank: Path) -> None:
    from mngr.model.errors import Conflict
    from mngr.vms import clone as cloning

    off(place, blank)
    before = place.files()
    with place.hypervisor() as hypervisor, pytest.MonkeyPatch.context() as patch:
        real = cloning._copy
        patch.setenv("MNGR_HOME", place.env["MNGR_HOME"])

        def copy(*args: Any) -> None:
            real(*args)
            hypervisor.get("one").create()

        patch.setattr(cloning, "_copy", copy)
        with pytest.raises(Conflict, match="is running"):
            cloning.clone(hypervisor, "one", "two")
        assert hypervisor.find("two") is None
    assert place.files() == before


@pytest.mark.parametrize(
    ("point", "when"),
    [
        ("mngr.vms.remove:begin", "after"),
        ("mngr.qemu.img:run", "after"),
        ("mngr.qemu.img:fat", "after"),
        ("libvirt:virConnect.defineXML", "after"),
    ],
    ids=lambda one: one,
)
def test_a_killed_clone_leaves_nothing_or_is_gone_on_with(
    place: Place, blank: Path, point: str, when: str
) -> None:
    off(place, blank)
    before = place.files()
    place.dies(point, when, "clone", "one", "two")
    assert place.files() != before
    with place.hypervisor() as hypervisor:
        assert remove.sweep(hypervisor) == [remove.Leftover("two", "create")]
        assert [vm.name for vm in look.list_(hypervisor)] == ["one"]
    assert place.files() == before
    place.dies(point, when, "clone", "one", "two")
    assert place.told("clone", "one", "two")["made"]
