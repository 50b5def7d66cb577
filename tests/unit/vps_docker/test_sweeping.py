"""The sweep: what has no host goes, what has one stays, what can't be read is left alone."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from mngr.journal import Intent, Journal
from mngr.model.errors import TimedOut
from mngr.model.swept import Found, Why
from mngr.vps_docker import tags
from mngr.vps_docker.cache import Remembered
from mngr.vps_docker.sweeping import sweep
from mngr.vps_docker.views import record_of
from mngr.vps_docker.vps_client import Machine, MachineSpec
from support.rented import ManualClock, MemoryCloud, parts, unreadable

HOST = "host-0123456789abcdef"
OTHER = "host-ffffffffffffffff"


@pytest.fixture
def cloud() -> MemoryCloud:
    return MemoryCloud(ManualClock())


def building(cloud: MemoryCloud, host: str = HOST, laptop: str = "laptop-1") -> dict[str, str]:
    return tags.building("cloud", host, "box", laptop, cloud.now())


def ready(host: str = HOST) -> dict[str, str]:
    return {tags.PROVIDER: "cloud", tags.HOST_ID: host, tags.HOST_NAME: "box", tags.READY: "1"}


def intend(home: Path, kind: str = "create", host: str = HOST, **handle: str) -> None:
    spec = MachineSpec(host_id=host, name="mngr-cloud-box", plan="p", region="r", image="i")
    plan = {"machine": msgspec.to_builtins(spec), "host_name": "box"}
    with Journal(home / "journal").hold("cloud", host) as held:
        held.write(Intent(provider="cloud", subject=host, kind=kind, plan=plan, handle=handle))


def host(why: Why, **facts: Any) -> Found:
    return Found(thing="host", name="box", id="i-1", why=why, **facts)


def test_nothing_to_do(cloud: MemoryCloud, tmp_path: Path) -> None:
    cloud.put("i-1", ready())
    swept = sweep(parts(tmp_path, cloud), False)
    assert (swept.released, swept.finished, swept.kept, swept.errors) == ([], [], [], [])
    assert "i-1" in cloud.machines


def test_the_list_is_read_before_the_intents(cloud: MemoryCloud, tmp_path: Path) -> None:
    """An order that comes in between is seen as busy, not as an intent whose machine is gone."""
    order = []
    own = parts(tmp_path, cloud)
    find, entries = cloud.find, own.journal.entries
    cloud.find = lambda owner: [order.append("list"), find(owner)][1]  # type: ignore[method-assign]
    own.journal.entries = lambda provider="": [order.append("intents"), entries(provider)][1]  # type: ignore[method-assign]
    sweep(own, False)
    assert order[:2] == ["list", "intents"]


def test_a_killed_create_is_released_and_forgotten(cloud: MemoryCloud, tmp_path: Path) -> None:
    machine = cloud.put("i-1", building(cloud))
    intend(tmp_path, id="i-1")
    own = parts(tmp_path, cloud)
    own.access.pin_machine(HOST, "192.0.2.1", ["ssh-ed25519 AAAA"])
    own.cache.put(Remembered(record=record_of(own, machine, None)))
    swept = sweep(own, False)
    assert swept.released == [host("create-cut-short", doing="create")]
    assert cloud.machines == {}
    assert own.journal.entries() == []
    assert own.access.machine_pins(HOST) == []
    assert own.cache.get(HOST) is None


def test_a_dry_run_touches_nothing(cloud: MemoryCloud, tmp_path: Path) -> None:
    cloud.put("i-1", building(cloud))
    intend(tmp_path, id="i-1")
    lost = cloud.put("i-2", building(cloud, OTHER, "laptop-2"))
    cloud.clock.at += 5000
    swept = sweep(parts(tmp_path, cloud), True)
    assert [(one.id, one.why, one.by) for one in swept.released] == [
        ("i-1", "create-cut-short", ""), ("i-2", "abandoned", "laptop-2")
    ]  # fmt: skip
    assert not {"release", "tag"} & set(cloud.calls)
    assert cloud.machines["i-2"] == lost
    assert len(Journal(tmp_path / "journal").entries()) == 1


def test_an_order_whose_answer_was_lost_is_found_by_its_tag(cloud: MemoryCloud, tmp_path: Path) -> None:
    cloud.put("i-1", building(cloud))
    intend(tmp_path)
    sweep(parts(tmp_path, cloud), False)
    assert cloud.machines == {}


def test_a_create_that_was_durable_is_finished_not_released(cloud: MemoryCloud, tmp_path: Path) -> None:
    cloud.put("i-1", {**ready(), tags.BUILDER: "laptop-1", tags.UNTIL: "5"})
    intend(tmp_path, id="i-1")
    swept = sweep(parts(tmp_path, cloud), False)
    assert swept.finished == [Found(thing="host", name="box", why="created")]
    assert cloud.machines["i-1"].tags == ready()
    assert Journal(tmp_path / "journal").entries() == []


def test_ready_is_read_from_the_machine_itself_not_from_an_old_list(
    cloud: MemoryCloud, tmp_path: Path
) -> None:
    cloud.put("i-1", building(cloud))
    intend(tmp_path, id="i-1")

    def becomes_ready(id: str) -> None:
        cloud.machines[id] = msgspec.structs.replace(cloud.machines[id], tags=ready())

    cloud.before_get = becomes_ready
    swept = sweep(parts(tmp_path, cloud), False)
    assert swept.released == []
    assert "i-1" in cloud.machines


def test_a_killed_destroy_is_ended(cloud: MemoryCloud, tmp_path: Path) -> None:
    cloud.put("i-1", ready())
    intend(tmp_path, "destroy", id="i-1")
    swept = sweep(parts(tmp_path, cloud), False)
    assert swept.released == [host("destroy-cut-short", doing="destroy")]
    assert cloud.machines == {}


def test_what_isnt_gone_keeps_its_intent(cloud: MemoryCloud, tmp_path: Path) -> None:
    cloud.put("i-1", ready())
    intend(tmp_path, "destroy", id="i-1")
    cloud.stays_after_release = 1000
    swept = sweep(parts(tmp_path, cloud), False)
    assert swept.released == []
    assert swept.kept == [host("not-released", doing="destroy", said="still there")]
    (entry,) = Journal(tmp_path / "journal").entries()
    assert entry.intent is not None
    assert entry.intent.kind == "destroy"
    assert "still there" in entry.intent.note
    assert sum(cloud.clock.slept) <= 60


def test_a_list_that_cant_be_read_touches_nothing(cloud: MemoryCloud, tmp_path: Path) -> None:
    cloud.put("i-1", building(cloud))
    intend(tmp_path, id="i-1")
    cloud.failing["find"] = unreadable()
    swept = sweep(parts(tmp_path, cloud), False)
    assert swept.errors == [Found(thing="instance", name="cloud", why="not-swept", said="the cloud is down")]
    assert cloud.calls == ["find"]


def test_what_is_being_worked_on_here_is_left(cloud: MemoryCloud, tmp_path: Path) -> None:
    cloud.put("i-1", building(cloud))
    intend(tmp_path, id="i-1")
    with Journal(tmp_path / "journal").hold("cloud", HOST):
        cloud.clock.at += 100_000  # its lease has passed, and still: the lock says that it is alive
        swept = sweep(parts(tmp_path, cloud), False)
    assert swept.kept == [host("busy", doing="create")]
    assert "i-1" in cloud.machines


def test_what_another_laptop_builds_is_left_until_its_lease_has_passed(
    cloud: MemoryCloud, tmp_path: Path
) -> None:
    cloud.put("i-1", building(cloud, laptop="laptop-2"))
    own = parts(tmp_path, cloud)
    swept = sweep(own, False)
    (kept,) = swept.kept
    assert (kept.id, kept.why, kept.by) == ("i-1", "in-the-making", "laptop-2")
    assert kept.again_s
    assert "i-1" in cloud.machines
    cloud.clock.at += tags.LEASE_S + tags.MARGIN_S + 1
    swept = sweep(own, False)
    assert [(one.id, one.why, one.by) for one in swept.released] == [("i-1", "abandoned", "laptop-2")]
    assert cloud.machines == {}


def test_a_lease_that_was_renewed_after_the_list_counts(cloud: MemoryCloud, tmp_path: Path) -> None:
    cloud.put("i-1", building(cloud, laptop="laptop-2"))
    cloud.clock.at += 5000

    def renewed(id: str) -> None:
        cloud.machines[id] = msgspec.structs.replace(
            cloud.machines[id], tags=building(cloud, laptop="laptop-2")
        )

    cloud.before_get = renewed
    assert sweep(parts(tmp_path, cloud), False).released == []
    assert "i-1" in cloud.machines


def test_an_unreadable_intent_is_an_error_and_its_machine_waits_for_its_lease(
    cloud: MemoryCloud, tmp_path: Path
) -> None:
    cloud.put("i-1", building(cloud))
    intend(tmp_path, id="i-1")
    path = tmp_path / "journal" / f"cloud.{HOST}.json"
    path.write_text("{")
    own = parts(tmp_path, cloud)
    swept = sweep(own, False)
    assert (swept.errors[0].thing, swept.errors[0].name) == ("journal", str(path))
    assert "i-1" in cloud.machines
    assert path.read_text() == "{"


def test_one_that_fails_doesnt_keep_the_others(cloud: MemoryCloud, tmp_path: Path) -> None:
    cloud.put("i-1", building(cloud))
    cloud.put("i-2", building(cloud, OTHER))
    intend(tmp_path, id="i-1")
    intend(tmp_path, host=OTHER, id="i-2")
    real = cloud.release

    def release(spec: MachineSpec, handle: dict[str, str]) -> object:
        if spec.host_id == HOST:
            raise TimedOut("stuck")
        return real(spec, handle)

    cloud.release = release  # type: ignore[method-assign,assignment]
    swept = sweep(parts(tmp_path, cloud), False)
    assert swept.errors == [host("failed", doing="create", said="stuck")]
    assert list(cloud.machines) == ["i-1"]


def test_the_second_machine_of_an_order_that_was_carried_out_twice_goes_alone(
    cloud: MemoryCloud, tmp_path: Path
) -> None:
    cloud.put("i-1", ready())
    cloud.put("i-2", building(cloud))
    cloud.clock.at += 5000
    swept = sweep(parts(tmp_path, cloud), False)
    assert len(swept.released) == 1
    assert list(cloud.machines) == ["i-1"]
    assert cloud.machines["i-1"].tags == ready()


def test_a_machine_without_ready_and_without_lease_is_only_shown(cloud: MemoryCloud, tmp_path: Path) -> None:
    some = building(cloud)
    del some[tags.UNTIL]
    cloud.put("i-1", some)
    cloud.clock.at += 1e6
    swept = sweep(parts(tmp_path, cloud), False)
    assert [(one.why, one.host) for one in swept.kept] == [("no-lease", "box")]
    assert "i-1" in cloud.machines


def test_two_ready_machines_of_one_host_are_a_persons_to_decide(cloud: MemoryCloud, tmp_path: Path) -> None:
    cloud.put("i-1", ready())
    cloud.put("i-2", ready())
    swept = sweep(parts(tmp_path, cloud), False)
    assert [(one.why, one.name, len(one.others)) for one in swept.errors] == [("twins", HOST, 2)]
    assert len(cloud.machines) == 2


def test_machines_of_other_instances_and_of_nobody_are_not_ours(cloud: MemoryCloud, tmp_path: Path) -> None:
    others: list[Machine] = [
        cloud.put("i-1", tags.building("another", HOST, "box", "laptop-1", 0)),
        cloud.put("i-2", {}),
        cloud.put("i-3", {tags.PROVIDER: "cloud"}),
    ]
    sweep(parts(tmp_path, cloud), False)
    assert list(cloud.machines.values()) == others


@pytest.mark.parametrize(("builder", "by"), [("laptop-1", ""), ("laptop-2", "laptop-2"), (None, "?")])
def test_who_began_what_was_abandoned(
    cloud: MemoryCloud, tmp_path: Path, builder: str | None, by: str
) -> None:
    marks = building(cloud, laptop=builder or "laptop-2")
    if builder is None:
        del marks[tags.BUILDER]
    cloud.put("i-1", marks)
    cloud.clock.at += tags.LEASE_S + tags.MARGIN_S + 1
    swept = sweep(parts(tmp_path, cloud), True)
    assert [(one.why, one.by) for one in swept.released] == [("abandoned", by)]
