"""Machines that lost tags: each is named with the command that ends it, and put right where this computer knows it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from mngr.cli.swept_words import of_found
from mngr.model.records import AgentRecord
from mngr.vps_docker import tags
from mngr.vps_docker.cache import Remembered
from mngr.vps_docker.views import record_of
from support.rented import ManualClock, MemoryCloud, provider

HOST = "host-0123456789abcdef"
NAME = "mngr-cloud-box-01234567"
KEY = "AAAAC3NzaC1lZDI1NTE5AAAAILfkdVYAqCYCy5Oq/x+OKgt3lON83+Gw9W/Fn8ChmK3z"
WHOLE = {
    tags.PROVIDER: "cloud",
    tags.HOST_ID: HOST,
    tags.HOST_NAME: "box",
    tags.READY: "1",
    tags.HOST_KEY: KEY,
}


@pytest.fixture
def cloud() -> MemoryCloud:
    return MemoryCloud(ManualClock())


def without(*lost: str) -> dict[str, str]:
    return {key: value for key, value in WHOLE.items() if key not in lost}


#: What may be left of a host's tags.
LEFT = {
    "no host id": without(tags.HOST_ID),
    "a host id that is none": {**WHOLE, tags.HOST_ID: "host-nonsense"},
    "no provider": without(tags.PROVIDER),
    "no host id, no provider": without(tags.HOST_ID, tags.PROVIDER),
    "no host id, not ready": without(tags.HOST_ID, tags.READY),
    "the host's name alone": {tags.HOST_NAME: "box"},
    "none": {},
    "the provider alone": {tags.PROVIDER: "cloud"},
    "somebody's own": {"team": "search"},
}


def put(cloud: MemoryCloud, left: dict[str, str]) -> None:
    cloud.put("i-1", left, name=NAME, state="stopped")


@pytest.mark.parametrize("left", LEFT)
def test_another_computers_machine_is_named_with_what_ends_it(
    cloud: MemoryCloud, tmp_path: Path, left: str
) -> None:
    put(cloud, LEFT[left])
    (host,) = provider(tmp_path, cloud).discover().hosts
    assert (host.state, host.record.name) == ("failed", NAME)
    assert f"`mngr destroy @{NAME} --unknown-agents` ends it" in host.problem
    assert "billed" in host.problem
    (kept,) = provider(tmp_path, cloud).sweep().kept
    assert (kept.why, kept.host, bool(kept.others)) == ("lost-tags", NAME, True)
    assert of_found(kept) in f"machine {NAME} (i-1): {host.problem}"
    assert list(cloud.machines) == ["i-1"]


@pytest.mark.parametrize("left", LEFT)
def test_that_command_ends_it(cloud: MemoryCloud, tmp_path: Path, left: str) -> None:
    put(cloud, LEFT[left])
    one = provider(tmp_path, cloud)
    (host,) = one.discover({NAME}).hosts
    one.destroy(host.record.id, lambda phase: None)
    assert cloud.machines == {}
    assert one.discover().hosts == []


@pytest.mark.parametrize("left", LEFT)
def test_a_host_of_this_computer_stays_one_and_gc_puts_its_tags_back(
    cloud: MemoryCloud, tmp_path: Path, left: str
) -> None:
    put(cloud, WHOLE)
    one = provider(tmp_path, cloud)
    record = record_of(one.rented, cloud.machines["i-1"], None)
    record = msgspec.structs.replace(record, machine_key=f"ssh-ed25519 {KEY}")
    one.rented.cache.put(
        Remembered(record=record, agents=[AgentRecord(id="agent-0123456789abcdef", name="a1")])
    )
    put(cloud, LEFT[left])
    (host,) = one.discover({"box"}).hosts
    assert (host.record.id, host.state, [agent.record.name for agent in host.agents]) == (
        HOST,
        "stopped",
        ["a1"],
    )
    assert "`mngr gc` puts them back" in host.problem
    would = one.sweep(dry_run=True).finished
    (finished,) = one.sweep().finished
    assert would == [finished]
    assert (finished.name, finished.why) == (NAME, "tags-put-back")
    assert cloud.machines["i-1"].tags == {**LEFT[left], **WHOLE}
    (host,) = one.discover().hosts
    assert "tags" not in host.problem


@pytest.mark.parametrize("left", LEFT)
def test_its_destroy_ends_the_bill(cloud: MemoryCloud, tmp_path: Path, left: str) -> None:
    put(cloud, WHOLE)
    one = provider(tmp_path, cloud)
    one.rented.cache.put(Remembered(record=record_of(one.rented, cloud.machines["i-1"], None)))
    put(cloud, LEFT[left])
    one.destroy(HOST, lambda phase: None)
    assert cloud.machines == {}
    assert one.rented.cache.get(HOST) is None


def test_where_machines_outlive_their_hosts_one_that_isn_t_ready_isn_t_taken_for_the_host(
    cloud: MemoryCloud, tmp_path: Path
) -> None:
    """It may have been given back, and be anybody's next."""
    cloud.caps = msgspec.structs.replace(cloud.caps, outlives_release=True)
    put(cloud, WHOLE)
    one = provider(tmp_path, cloud)
    one.rented.cache.put(Remembered(record=record_of(one.rented, cloud.machines["i-1"], None)))
    put(cloud, without(tags.HOST_ID, tags.READY))
    assert one.sweep().finished == []
    assert cloud.machines["i-1"].tags == without(tags.HOST_ID, tags.READY)


def test_a_machine_of_another_instance_or_of_nobody_isn_t_named(cloud: MemoryCloud, tmp_path: Path) -> None:
    cloud.put("i-1", {**WHOLE, tags.PROVIDER: "other"}, name="mngr-other-box-01234567")
    cloud.put("i-2", {}, name="mngr-other-box-01234567")
    cloud.put("i-3", {"team": "search"}, name="web")
    cloud.put("i-4", {}, name="mngr-cloud-box")
    assert provider(tmp_path, cloud).discover().hosts == []
    assert provider(tmp_path, cloud).sweep().kept == []


def test_a_host_whose_name_was_lost_or_can_t_be_one_goes_by_its_id(
    cloud: MemoryCloud, tmp_path: Path
) -> None:
    for name in ("", "two words", "../x"):
        cloud.put("i-1", {**without(tags.READY), tags.HOST_NAME: name}, name=NAME)
        (host,) = provider(tmp_path, cloud).discover().hosts
        assert host.record.name == HOST
        assert f"`mngr destroy @{HOST}`" in host.problem
        assert provider(tmp_path, cloud).sweep().kept[0].host == HOST
