"""Storage pools, and VMs whose disks are in one."""

from __future__ import annotations

from pathlib import Path

import pytest

from mngr.vms import look, remove
from support.vms import Place, small


def test_a_vm_s_disk_is_in_a_pool(place: Place, blank: Path, tmp_path: Path) -> None:
    folder, name = tmp_path / "fast", tmp_path.name
    words = ["pool", "create", name, "--path", str(folder)]
    pool = place.told(*words)["pool"]
    assert (pool["kind"], pool["path"], pool["active"], pool["vms"]) == ("dir", str(folder), True, [])
    assert pool["available"] > 0
    assert place.told(*words)["made"] is False
    place.mngr("pool", "create", name, "--path", str(tmp_path / "other"), code=4)
    place.mngr("pool", "create", f"{name}-2", "--path", str(folder), code=4)
    place.mngr("create", "one", *small(blank, "--pool", "none"), code=3)
    vm = place.told("create", "one", *small(blank, "--pool", name))["vm"]
    assert {Path(disk).parent for disk in vm["disks"]} == {folder}
    assert place.told("create", "one", *small(blank, "--pool", name))["made"] is False
    assert "pool" in place.mngr("create", "one", *small(blank), code=4).stderr
    place.mngr("stop", "one", "--force", "--timeout", "0")
    assert place.told("resize", "one", "--disk", "2")["changed"] == ["disk"]
    clone = place.told("clone", "one", "two")["vm"]
    assert {Path(disk).parent for disk in clone["disks"]} == {folder}
    assert place.told("pool", "show", name)["pool"]["vms"] == ["one", "two"]
    place.mngr("pool", "delete", name, "--yes", code=4)
    for one in ("one", "two"):
        place.mngr("delete", one, "--yes")
    assert (list(folder.iterdir()), place.files()) == ([], [])
    place.dies("mngr.qemu.img:fat", "after", "create", "one", *small(blank, "--pool", name))
    assert list(folder.iterdir()) != []
    with place.hypervisor() as hypervisor:
        assert remove.sweep(hypervisor) == [remove.Leftover("one", "create")]
        assert look.list_(hypervisor) == []
    assert (list(folder.iterdir()), place.files()) == ([], [])
    place.mngr("pool", "delete", name, "--yes")
    place.mngr("pool", "show", name, code=3)
    assert folder.is_dir()


@pytest.mark.parametrize(
    ("point", "when"),
    [("libvirt:virConnect.storagePoolDefineXML", "before"), ("libvirt:virConnect.storagePoolDefineXML", "after"),
     ("libvirt:virStoragePool.create", "after")],
    ids=lambda one: one,
)  # fmt: skip
def test_a_killed_create_leaves_nothing(place: Place, tmp_path: Path, point: str, when: str) -> None:
    place.dies(point, when, "pool", "create", tmp_path.name, "--path", str(tmp_path / "fast"))
    assert tmp_path.name not in [one["name"] for one in place.told("pool", "list")["pools"]]
    assert not (tmp_path / "fast").exists()
    assert place.files() == []


@pytest.mark.parametrize(
    ("name", "path"), [("a b", "/x"), ("../x", "/x"), ("ok", "/a,b"), ("ok", "/"), ("ok", "/a/../b")]
)
def test_values_that_cannot_be_used(place: Place, name: str, path: str) -> None:
    place.mngr("pool", "create", name, "--path", path, code=2)
