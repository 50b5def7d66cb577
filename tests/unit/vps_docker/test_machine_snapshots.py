"""Snapshots on several machines, some of which can't be read: the others' are listed all the same."""

from pathlib import Path

import msgspec
import pytest

from mngr.containers.survey import Stored
from mngr.model.errors import NotFound, Unreachable
from mngr.providers.contract import Snapshot
from mngr.vps_docker import discovery, machine_snapshots, tags
from mngr.vps_docker.rented import Rented
from mngr.vps_docker.vps_client import Machine
from support.rented import ManualClock, MemoryCloud, provider, unreadable

SNAP = "snap-0123456789abcdef"
HOSTS = {"i-1": "host-0000000000000001", "i-2": "host-0000000000000002"}


class Store:
    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def read(self) -> Stored:
        if self.machine.id == "i-2":
            raise Unreachable("no route to i-2", hint="is it on?")
        saved = Snapshot(
            id=SNAP, name="s", host_id=HOSTS["i-1"], host_name="box", provider="cloud", created_at="2026"
        )
        return Stored(snapshots={SNAP: msgspec.json.encode(saved), "snap-00000000000000ff": b"{"})


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> MemoryCloud:
    def store_on(parts: Rented, machine: Machine) -> Store:
        return Store(machine)

    monkeypatch.setattr(discovery, "store_on", store_on)
    cloud = MemoryCloud(ManualClock())
    for machine, host in HOSTS.items():
        owner = {tags.PROVIDER: "cloud", tags.HOST_ID: host, tags.HOST_NAME: f"on-{machine}", tags.READY: "1"}
        cloud.put(machine, owner, address="127.0.0.9", state="running")
    return cloud


def test_a_machine_that_cant_be_read_is_a_row_beside_what_the_others_hold(
    cloud: MemoryCloud, tmp_path: Path
) -> None:
    listing = provider(tmp_path, cloud).snapshot_list()
    assert [one.id for one in listing.snapshots] == [SNAP]
    assert [(one.provider, one.what, one.error, one.hint) for one in listing.errors[:1]] == [
        ("cloud", "snapshots of host on-i-2", "no route to i-2", "is it on?")
    ]


def test_a_description_that_cant_be_read_is_a_row_too(cloud: MemoryCloud, tmp_path: Path) -> None:
    listing = provider(tmp_path, cloud).snapshot_list(HOSTS["i-1"])
    assert [one.what for one in listing.errors] == ["snapshot snap-00000000000000ff"]


def test_what_isnt_found_is_only_gone_when_all_were_read(cloud: MemoryCloud, tmp_path: Path) -> None:
    parts = provider(tmp_path, cloud).rented
    assert machine_snapshots.keeper(parts, SNAP)
    with pytest.raises(Unreachable, match="on-i-2: no route to i-2"):
        machine_snapshots.keeper(parts, "snap-00000000000000aa")
    del cloud.machines["i-2"]
    with pytest.raises(NotFound):
        machine_snapshots.keeper(parts, "snap-00000000000000aa")


def test_an_unreadable_cloud_is_never_an_empty_one(cloud: MemoryCloud, tmp_path: Path) -> None:
    cloud.failing["find"] = unreadable()
    with pytest.raises(Unreachable, match="the cloud is down"):
        provider(tmp_path, cloud).snapshot_list()
