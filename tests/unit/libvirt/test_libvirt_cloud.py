"""Each promise of the cloud contract, where libvirt keeps it in a way of its own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mngr.backends.libvirt.cloud import LibvirtCloud
from mngr.model.errors import InvalidInput, MngrError, NotFound, Unreadable
from mngr.model.records import AgentRecord
from mngr.testing.libvirt import fat_files
from mngr.vms import create as creating
from mngr.vms import remove
from mngr.vps_docker.errors import VpsApiUnreadable
from mngr.vps_docker.vps_client import Gone, Handle, Later, Machine, MachineSpec

from .conftest import libvirt, order


def made(cloud: LibvirtCloud, spec: MachineSpec, handle: Handle | None = None) -> tuple[Machine, Handle]:
    kept = dict(handle or {})
    machine = cloud.create(spec, kept, kept.update, lambda step: None)
    assert machine is not None
    return machine, kept


def test_an_offer_is_free_and_says_how_big_it_is(cloud: LibvirtCloud) -> None:
    offer = cloud.check(order(cloud, plan="1g-2c-30g"))
    assert (offer.per_hour, offer.per_month, offer.due_now) == (0, None, 0)
    assert (offer.cpus, offer.memory_gb, offer.disk_gb) == (2, 1, 30)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"plan": "big"}, "2048m-2c-20g"), ({"plan": "64m-0c-1g"}, "vcpus"), ({"plan": "1m-1c-1g"}, "memory"),
        ({"plan": "4g-1c-1g"}, "3072 MiB"), ({"region": "moon"}, "local"), ({"image": "/nosuch"}, "/nosuch"),
        ({"image": "images/some"}, "absolute path"), ({"image": "http://example.org/x"}, "https"),
        ({"image": "https://u:secret@example.org/x"}, "password"),
    ],
)  # fmt: skip
def test_mistakes_are_found_before_anything_is_made(
    cloud: LibvirtCloud, conn: Any, wrong: dict[str, Any], named: str, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInput) as told:
        cloud.check(order(cloud, **wrong))
    assert named in f"{told.value.message} {told.value.hint}"
    assert "secret" not in f"{told.value.message} {told.value.hint}"
    assert [one.name() for one in conn.listAllDomains()] == ["test"]
    assert not (tmp_path / "disks").exists()


def test_an_unknown_network_is_a_mistake_too(cloud: LibvirtCloud) -> None:
    cloud.network = "nosuch"
    with pytest.raises(NotFound, match="nosuch"):
        cloud.check(order(cloud))


def test_the_tags_are_there_in_the_call_that_makes_it(
    cloud: LibvirtCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*words: object) -> None:
        raise AssertionError("a call of its own")

    monkeypatch.setattr(libvirt.virDomain, "setMetadata", never)
    spec = order(cloud)
    saved: list[Handle] = []
    machine = cloud.create(spec, {}, saved.append, lambda step: None)
    assert machine is not None
    assert (machine.id, machine.state, machine.tags, machine.agents) == (spec.name, "running", spec.tags, [])
    assert saved == [{"vm": spec.name}, {"id": spec.name}]
    assert cloud.find(spec.tags) == [machine]
    assert cloud.find({"mngr-host-id": "host-of-others"}) == []


def test_a_repeat_adopts_and_what_was_deleted_is_gone(cloud: LibvirtCloud, conn: Any) -> None:
    machine, handle = made(cloud, order(cloud))
    again, _ = made(cloud, order(cloud, user_data="#cloud-config\n{a: 1}\n"))
    assert again == machine
    domain = conn.lookupByName(machine.id)
    domain.destroy()
    domain.undefine()
    gone, _ = made(cloud, order(cloud), handle)
    assert (gone.id, gone.state) == (machine.id, "gone")
    with pytest.raises(NotFound):
        cloud.get(machine.id)


def test_a_create_that_was_killed_leaves_nothing_to_the_next_list(
    cloud: LibvirtCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def killed(*words: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(creating, "started", killed)
        patch.setattr(creating, "take_back", lambda *words: None)
        with pytest.raises(Killed):
            made(cloud, order(cloud))
    assert list((tmp_path / "disks").glob("*.qcow2"))
    assert cloud.find({}) == [one for one in cloud.find({}) if one.name == "test"]
    assert not list((tmp_path / "disks").glob("[!.]*"))
    assert made(cloud, order(cloud))[0].state == "running"


def test_tags_change_key_by_key_and_all_others_stay(cloud: LibvirtCloud, conn: Any) -> None:
    machine, _ = made(cloud, order(cloud))
    domain = conn.lookupByName(machine.id)
    domain.setMetadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, "<mine>x</mine>", "other", "urn:other", 3)
    key = "A" * 68
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: cloud.tag(machine.id, {f"k{n}": key}, ["é"]), range(12)))
    cloud.power(machine.id, on=False)
    cloud.tag(machine.id, {"off": "1"}, ["k0", "never"])
    wanted = {"mngr-host-id": order(cloud).host_id, **{f"k{n}": key for n in range(1, 12)}, "off": "1"}
    cloud.power(machine.id, on=True)
    assert cloud.get(machine.id).tags == wanted
    assert "urn:other" in domain.XMLDesc()
    with pytest.raises(NotFound):
        cloud.tag("nosuch", {"a": "b"})


def test_each_has_an_address_of_its_own_which_it_keeps(
    cloud: LibvirtCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mngr.vms.forwards.zlib.crc32", lambda name: 7)  # all names wish for the same
    first, _ = made(cloud, order(cloud, 1))
    cloud.power(first.id, on=False)
    second, _ = made(cloud, order(cloud, 2))
    assert (first.address, second.address) == ("127.77.0.8", "127.77.0.9")
    assert cloud.get(first.id).address == first.address
    cloud.power(first.id, on=True)
    assert cloud.get(first.id).address == first.address
    assert (cloud.ssh_port(first.address), cloud.ssh_port("192.168.122.7")) == (2022, 22)


def test_an_address_whose_port_is_taken_is_passed_over(
    cloud: LibvirtCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    monkeypatch.setattr("mngr.vms.forwards.zlib.crc32", lambda name: 40000)
    with socket.create_server(("127.77.157.123", 2222)):
        assert made(cloud, order(cloud))[0].address == "127.77.157.124"


def test_how_it_went_off_is_told(cloud: LibvirtCloud, conn: Any) -> None:
    machine, _ = made(cloud, order(cloud))
    assert cloud.ended(machine.id) is None
    cloud.power(machine.id, on=False)
    cloud.power(machine.id, on=False)
    ended = cloud.ended(machine.id)
    assert ended is not None
    assert ended.by == "person"
    cloud.power(machine.id, on=True)
    cloud.power(machine.id, on=True)
    conn.lookupByName(machine.id).shutdown()  # as its own poweroff shows
    ended = cloud.ended(machine.id)
    assert ended is not None
    assert ended.by == "itself"
    assert cloud.ended("nosuch") is None


def test_the_agents_are_kept_where_they_can_be_read_while_it_is_off(cloud: LibvirtCloud, conn: Any) -> None:
    machine, _ = made(cloud, order(cloud))
    one = AgentRecord(id="agent-1", name="one", type="shell", command=["sh", "-c", "a & <b>"])
    two = msgspec.structs.replace(one, id="agent-2", name="two")
    cloud.keep_agents(machine.id, [one, two])
    cloud.keep_agents(machine.id, [], ["agent-2"])
    cloud.power(machine.id, on=False)
    assert cloud.get(machine.id).agents == [one]
    conn.lookupByName(machine.id).setMetadata(
        libvirt.VIR_DOMAIN_METADATA_ELEMENT, "<note>{</note>", "mngragents", "urn:mngr:agents:1", 2
    )
    assert cloud.get(machine.id).agents is None
    cloud.keep_agents(machine.id, [two], [], lambda: [one])
    assert cloud.get(machine.id).agents == [one, two]


def test_blanked_user_data_leaves_the_instance_what_it_is(cloud: LibvirtCloud, tmp_path: Path) -> None:
    machine, _ = made(cloud, order(cloud, user_data="#cloud-config\n{a: secret}\n"))
    [seed] = (tmp_path / "disks").glob("*.seed.img")
    before = fat_files(seed.read_bytes())
    assert b"secret" in before["user-data"]
    cloud.blank_user_data(machine.id)
    cloud.blank_user_data(machine.id)
    after = fat_files(seed.read_bytes())
    assert (after["meta-data"], after["user-data"]) == (before["meta-data"], b"#cloud-config\n{}\n")
    assert b"secret" not in seed.read_bytes()
    assert seed.stat().st_mode & 0o777 == 0o600


def test_release_ends_all_of_it_by_tag_and_by_name_and_again(
    cloud: LibvirtCloud, conn: Any, tmp_path: Path
) -> None:
    machine, _ = made(cloud, order(cloud))
    other, _ = made(cloud, order(cloud, 2))
    renamed = msgspec.structs.replace(order(cloud), name="mngr-libvirt-another-00000001")
    assert cloud.release(renamed, {}) == Gone()
    assert cloud.release(renamed, {"id": machine.id}) == Gone()
    with pytest.raises(NotFound):
        cloud.get(machine.id)
    assert {path.name.split(".")[0][:-9] for path in (tmp_path / "disks").glob("[!.]*")} == {other.id}


def test_anothers_vm_of_that_name_stays(cloud: LibvirtCloud, conn: Any) -> None:
    spec = order(cloud)
    conn.defineXML(
        f"<domain type='test'><name>{spec.name}</name><memory>1024</memory><os><type>hvm</type></os></domain>"
    )
    with pytest.raises(MngrError, match="mngr didn't make"):
        made(cloud, spec)
    assert cloud.release(spec, {}) == Gone()
    assert conn.lookupByName(spec.name)


def test_while_another_mngr_is_at_work_on_it_release_says_later(cloud: LibvirtCloud) -> None:
    machine, handle = made(cloud, order(cloud))
    with cloud._connected(VpsApiUnreadable) as here, remove.hold(here, machine.id):
        assert isinstance(cloud.release(order(cloud), handle), Later)
    assert cloud.release(order(cloud), handle) == Gone()


def test_a_libvirt_that_isnt_there_is_unreadable_and_not_empty(cloud: LibvirtCloud, tmp_path: Path) -> None:
    cloud.uri = f"test+unix:///default?socket={tmp_path}/nosuch"
    for ask in (lambda: cloud.find({}), lambda: cloud.get("x"), lambda: cloud.check(order(cloud))):
        with pytest.raises(Unreadable, match="no connection to libvirt"):
            ask()
