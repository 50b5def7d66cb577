"""A VM gets more (or less) of what it has; its disk never less."""

from __future__ import annotations

from pathlib import Path

import pytest

from mngr.qemu import img
from support.vms import Place, small


def disk_of(place: Place, name: str) -> Path:
    return Path(place.told("show", name)["vm"]["disks"][0])


def test_a_vm_that_is_off_changes_at_once_and_its_spec_follows(place: Place, blank: Path) -> None:
    place.mngr("create", "one", *small(blank))
    place.mngr("stop", "one", "--force", "--timeout", "0")
    told = place.told("resize", "one", "--memory", "128", "--vcpus", "2", "--disk", "2")
    assert (told["changed"], told["at_next_start"]) == (["memory", "vcpus", "disk"], [])
    assert (told["vm"]["memory"], told["vm"]["vcpus"]) == (128, 2)
    assert img.head(disk_of(place, "one")).outside == (str(blank),)
    assert "virtual size: 2 GiB" in img.run("info", str(disk_of(place, "one")))
    refused = place.mngr("create", "one", *small(blank), code=4).stderr
    for difference in ("memory_mib is 128, not 64", "vcpus is 2, not 1", "disk_gib is 2, not 1"):
        assert difference in refused
    same = ["--memory", "128", "--vcpus", "2", "--disk", "2"]
    assert place.told("create", "one", *small(blank), *same)["vm"]["state"] == "running"
    assert place.told("list")["vms"][0]["memory"] == 128
    assert place.told("resize", "one", *same)["changed"] == []
    place.mngr("delete", "one", "--yes")
    assert place.files() == []


def test_of_a_vm_that_runs_the_disk_grows_and_the_rest_waits(place: Place, blank: Path) -> None:
    place.mngr("create", "one", *small(blank))
    more = ["--memory", "128", "--vcpus", "2", "--disk", "2"]
    for changed in (["memory", "vcpus", "disk"], []):
        told = place.told("resize", "one", *more)
        assert (told["changed"], told["at_next_start"]) == (changed, ["memory", "vcpus"])
    assert (told["vm"]["memory"], told["vm"]["spec"]["memory_mib"]) == (64, 128)
    with place.hypervisor() as hypervisor:
        assert hypervisor.get("one").blockInfo("vda")[0] == 2 * 1024**3
    assert "at its next start: memory, vcpus" in place.mngr("resize", "one", *more).stdout
    assert place.told("create", "one", *small(blank), *more)["made"] is False
    place.mngr("stop", "one", "--force", "--timeout", "0")
    vm = place.told("start", "one", "--no-wait")["vm"]
    assert (vm["memory"], vm["vcpus"], vm["spec"]["disk_gib"]) == (128, 2, 2)
    place.mngr("delete", "one", "--yes")


@pytest.mark.parametrize("state", ["running", "stopped"])
def test_a_disk_never_shrinks(place: Place, blank: Path, state: str) -> None:
    """Also one that somebody made larger with other tools."""
    place.mngr("create", "one", *small(blank))
    if state == "running":
        with place.hypervisor() as hypervisor:
            hypervisor.get("one").blockResize("vda", 3 * 1024**3, 1)
    else:
        place.mngr("stop", "one", "--force", "--timeout", "0")
        img.run("resize", "-q", str(disk_of(place, "one")), "3G")
    refused = place.mngr("resize", "one", "--disk", "2", "--memory", "128", code=2).stderr
    assert "which has 3 GiB" in refused
    vm = place.told("show", "one")["vm"]
    assert (vm["spec"]["disk_gib"], vm["spec"]["memory_mib"]) == (1, 64)
    place.told("resize", "one", "--disk", "3")
    place.mngr("delete", "one", "--yes")


def test_snapshots_stay_when_a_disk_grows(place: Place, blank: Path) -> None:
    place.mngr("create", "one", *small(blank))
    place.mngr("snapshot", "create", "one", "small")
    place.told("resize", "one", "--disk", "2")
    assert place.mngr("snapshot", "list", "one", "-q").stdout == "small\n"
    place.mngr("stop", "one", "--force", "--timeout", "0")
    place.told("resize", "one", "--disk", "3")
    place.mngr("snapshot", "restore", "one", "small", "--yes")
    vm = place.told("show", "one")["vm"]
    assert (vm["state"], vm["spec"]["disk_gib"]) == ("running", 1)
    place.mngr("delete", "one", "--yes")
    assert place.files() == []


def test_autostart_is_switched_on_and_off(place: Place, blank: Path) -> None:
    place.mngr("create", "one", *small(blank))
    for switch in ("on", "off"):
        assert place.told("autostart", "one", switch)["vm"]["autostart"] == (switch == "on")
        assert place.told("autostart", "one", switch)["changed"] == []
    place.mngr("autostart", "one", "on")
    assert "autostart is True, not False" in place.mngr("create", "one", *small(blank), code=4).stderr
    place.mngr("autostart", "one", "perhaps", code=2)
    place.mngr("delete", "one", "--yes")


def test_mistakes_change_nothing(place: Place, blank: Path) -> None:
    place.mngr("create", "one", *small(blank))
    before = place.told("show", "one")
    place.mngr("resize", "one", code=2)
    for option, value in (
        ("--memory", "1"),
        ("--vcpus", "0"),
        ("--disk", "0"),
        ("--disk", "99999999"),
        ("--memory", "x"),
    ):
        place.mngr("resize", "one", option, value, code=2)
    place.mngr("resize", "none", "--memory", "128", code=3)
    assert place.told("show", "one") == before
    with place.hypervisor() as hypervisor:
        hypervisor.get("one").undefine()
        assert "goes with its end" in place.mngr("resize", "one", "--memory", "128", code=4).stderr
    place.mngr("delete", "one", "--yes")


@pytest.mark.parametrize(
    ("point", "when"),
    [("libvirt:virDomain.blockResize", "after"), ("libvirt:virConnect.defineXML", "after")],
    ids=lambda one: one,
)
def test_a_killed_one_is_gone_on_with_by_the_same_command(
    place: Place, blank: Path, point: str, when: str
) -> None:
    place.mngr("create", "one", *small(blank))
    more = ["--memory", "128", "--disk", "2"]
    place.dies(point, when, "resize", "one", *more)
    assert place.told("resize", "one", *more)["vm"]["spec"]["memory_mib"] == 128
    assert place.told("create", "one", *small(blank), *more)["made"] is False
    place.mngr("delete", "one", "--yes")
    assert place.files() == []
