"""What somebody does to a VM with virsh, behind mngr's back: each verb says what is so, and a delete leaves nothing."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from mngr.vms import authorized, remove
from support.vms import Place, small


def off(place: Place, blank: Path) -> Path:
    """A VM that is off; its disk."""
    place.mngr("create", "one", *small(blank))
    place.mngr("stop", "one", "--force", "--timeout", "0")
    return Path(place.told("show", "one")["vm"]["disks"][0])


def renamed(place: Place, blank: Path) -> str:
    """A VM under another name than its files; its UUID."""
    off(place, blank)
    with place.hypervisor() as hypervisor:
        domain = hypervisor.get("one")
        domain.rename("two", 0)
        return str(domain.UUIDString())


def test_a_vm_of_another_name_has_its_files(
    place: Place, blank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    renamed(place, blank)
    monkeypatch.setitem(place.env, "SSH_KEY_DIR", str(tmp_path / "keys"))
    place.mngr("key", "create", "k", "--type", "ed25519")
    place.mngr("key", "inject", "two", "k")
    place.mngr("resize", "two", "--disk", "2")
    place.mngr("clone", "two", "three")
    place.mngr("start", "two", "--no-wait")
    for name in ("two", "three"):
        place.mngr("delete", name, "--yes")
    assert place.files() == []


def test_a_killed_delete_of_it_leaves_nothing_either(place: Place, blank: Path) -> None:
    uuid = renamed(place, blank)
    with place.hypervisor() as hypervisor:
        with remove.hold(hypervisor, "two") as held:
            remove.begin(hypervisor, held, remove.DELETE, "two", uuid)
        hypervisor.get("two").undefine()
    assert "killed delete of VM two" in place.mngr("list").stderr
    assert place.files() == []


def test_a_disk_that_virsh_laid_over_its_own_is_no_disk_to_clone_or_to_grow(
    place: Place, blank: Path
) -> None:
    place.mngr("create", "one", *small(blank))
    with place.hypervisor() as hypervisor:
        domain = hypervisor.get("one")
        text = "<domainsnapshot><name>over</name></domainsnapshot>"
        domain.snapshotCreateXML(text, hypervisor.libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY)
    assert "blockcommit" in place.mngr("resize", "one", "--disk", "2", code=4).stderr
    place.mngr("stop", "one", "--force", "--timeout", "0")
    assert "blockcommit" in place.mngr("clone", "one", "two", code=4).stderr
    place.mngr("delete", "one", "--yes")
    assert (place.names(), place.files()) == ([], [])


@pytest.mark.parametrize("which", ["disk", "seed"])
def test_a_file_that_is_gone_is_a_conflict(
    place: Place, blank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, which: str
) -> None:
    disk = off(place, blank)
    monkeypatch.setitem(place.env, "SSH_KEY_DIR", str(tmp_path / "keys"))
    place.mngr("key", "create", "k", "--type", "ed25519")
    lost = disk if which == "disk" else disk.with_suffix(".seed.img")
    lost.unlink()
    calls = [["start", "one", "--no-wait"]]
    if which == "disk":
        calls += [
            ["clone", "one", "two"],
            ["snapshot", "create", "one", "s"],
            ["resize", "one", "--disk", "2"],
        ]
    else:
        calls += [["key", "inject", "one", "k"]]
    for words in calls:
        assert str(lost) in place.mngr(*words, code=4).stderr
    place.mngr("delete", "one", "--yes")
    assert (place.names(), place.files()) == ([], [])


def test_a_saved_vm_is_started_before_its_snapshots(place: Place, blank: Path) -> None:
    place.mngr("create", "one", *small(blank))
    place.mngr("snapshot", "create", "one", "before")
    with place.hypervisor() as hypervisor:
        hypervisor.get("one").managedSave(0)
    assert "was saved" in place.mngr("snapshot", "create", "one", "s", code=4).stderr
    assert "was saved" in place.mngr("snapshot", "restore", "one", "before", "--yes", code=4).stderr


def test_keys_that_somebody_edited_are_told_and_can_be_put_right(
    place: Place, blank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    off(place, blank)
    monkeypatch.setitem(place.env, "SSH_KEY_DIR", str(tmp_path / "keys"))
    place.mngr("key", "create", "k", "--type", "ed25519")
    with place.hypervisor() as hypervisor:
        domain, libvirt = hypervisor.get("one"), hypervisor.libvirt
        for text in ("<keys>no JSON</keys>", '<keys>[{"serial":"x"}]</keys>'):
            domain.setMetadata(
                libvirt.VIR_DOMAIN_METADATA_ELEMENT, text, authorized.PREFIX, authorized.NAMESPACE,
                libvirt.VIR_DOMAIN_AFFECT_CONFIG,
            )  # fmt: skip
            for words in (
                ["start", "one", "--no-wait"],
                ["key", "inject", "one", "k"],
                ["key", "injected", "one"],
            ):
                assert authorized.NAMESPACE in place.mngr(*words, code=4).stderr
    place.mngr("delete", "one", "--yes")
    assert (place.names(), place.files()) == ([], [])


def test_a_delete_works_where_its_intent_has_no_room(
    place: Place, blank: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.mngr("create", "one", *small(blank))
    take_away, seen = remove.take_away, []

    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def taken(*args: Any) -> None:
        seen.append(place.files())
        take_away(*args)

    monkeypatch.setattr(remove, "begin", full)
    monkeypatch.setattr(remove, "take_away", taken)
    with place.hypervisor() as hypervisor:
        remove.delete(hypervisor, "one")
    # Whoever is killed then finds the VM, without files, and deletes it again.
    assert [[one for one in files if one.startswith("one-")] for files in seen] == [[]]
    assert (place.names(), place.files()) == ([], [])
