"""The state container: durable, whole under concurrency, and never taken for empty."""

import subprocess
import threading
import time

import msgspec
import pytest

from mngr.containers.store import HostStore
from mngr.hosts import scripts
from mngr.model.errors import NotFound
from mngr.model.ids import new_agent_id, new_host_id
from mngr.model.records import AgentRecord, HostRecord
from mngr.model.swept import Found

from .conftest import RUN, Bench, clear, docker, until

ODD = 'a"b\n☃ \\ $(x) \0'


@pytest.fixture
def store(bench: Bench) -> HostStore:
    found = HostStore(bench.provider.daemon.docker, bench.provider.name)
    found.ensure("mngr/agent:bookworm")
    return found


def a_record(**fields: object) -> HostRecord:
    made = HostRecord(
        id=new_host_id(),
        name="box",
        provider="x",
        backend="docker",
        builder="laptop-nobody",
        labels={"odd": ODD},
    )
    return msgspec.structs.replace(made, **fields)


def test_records_come_back_unchanged(store: HostStore) -> None:
    record = a_record()
    agents = [
        AgentRecord(id=new_agent_id(), name=f"a{n}", command=[ODD], created_at=f"2026-0{n}") for n in (1, 2)
    ]
    store.save(record)
    for agent in reversed(agents):
        store.save_agent(record.id, agent)
    stored = store.read()
    assert stored.hosts[record.id] == record
    assert stored.agents[record.id] == agents
    store.remove_agent(record.id, agents[0].id)
    store.remove_agent(record.id, agents[0].id)
    assert store.read().agents[record.id] == agents[1:]
    store.drop(f"hosts/{record.id}.json", f"hosts/{record.id}")
    store.drop(f"hosts/{record.id}.json", f"hosts/{record.id}")
    stored = store.read()
    assert record.id not in stored.hosts
    assert record.id not in stored.agents
    with pytest.raises(NotFound):
        store.save_agent(record.id, agents[0])
    assert record.id not in store.read().agents


def test_writers_at_once_lose_nothing(store: HostStore) -> None:
    record = a_record()
    store.save(record)
    agents = [AgentRecord(id=new_agent_id(), name=f"a{n}") for n in range(8)]
    threads = [threading.Thread(target=store.save_agent, args=(record.id, agent)) for agent in agents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {agent.id for agent in store.read().agents[record.id]} == {agent.id for agent in agents}
    store.drop(f"hosts/{record.id}.json", f"hosts/{record.id}")


def test_a_record_cut_short_on_its_way_isnt_written(store: HostStore) -> None:
    record = a_record()
    store.save(record)
    for sent in (b"", b"hosts/x", f"\n1000 hosts/{record.id}.json\n\n{{".encode()):
        argv = ["docker", "exec", "-i", store.name, "sh", "-c", scripts.text("store-put"), "store-put"]
        done = subprocess.run(argv, input=sent, capture_output=True, timeout=20, check=False)
        assert done.returncode
    assert store.read().hosts[record.id] == record
    docker("restart", "-t", "1", store.name)
    for name in ("other", "third"):
        store.save(msgspec.structs.replace(record, name=name))
    assert store.read().hosts[record.id].name == "third"
    listing = docker("exec", store.name, "find", "/state", "-name", "*.part*")
    assert listing == ""
    store.drop(f"hosts/{record.id}.json", f"hosts/{record.id}")


def test_a_state_container_that_starts_takes_nothing_from_who_writes_already(
    store: HostStore,
) -> None:
    docker("exec", store.name, "touch", "/state/.part.1")
    docker("exec", store.name, "touch", "-d", "2 hours ago", "/state/.part.2")
    docker("restart", store.name)
    parts = ("exec", store.name, "find", "/state", "-name", ".part.*")
    until("what was left is gone", lambda: "/state/.part.2" not in docker(*parts))
    assert docker(*parts).strip() == "/state/.part.1"
    docker("exec", store.name, "rm", "/state/.part.1")


def test_a_host_s_record_brings_its_first_agent_s(store: HostStore) -> None:
    record, agent = a_record(), AgentRecord(id=new_agent_id(), name="e", command=["sh", "-c", "é\nb"])
    for _ in range(2):
        store.save(record, agent)
        assert store.read().hosts[record.id] == record
        assert store.read().agents[record.id] == [agent]
    store.drop(f"hosts/{record.id}.json", f"hosts/{record.id}")


def test_a_corrupt_record_is_an_error_row_and_stays(store: HostStore, bench: Bench) -> None:
    host_id = new_host_id()
    store.put(f"hosts/{host_id}.json", b'{"id": 1')
    listing = bench.provider.discover()
    [problem] = [one for one in listing.errors if host_id in one.what]
    assert "its record can't be read" in problem.error
    bench.provider.sweep()
    assert docker("exec", store.name, "cat", f"/state/hosts/{host_id}.json") == '{"id": 1'
    store.drop(f"hosts/{host_id}.json", f"hosts/{host_id}")


def test_a_stopped_or_removed_state_container_comes_back_with_its_records(image: str) -> None:
    from mngr.containers.docker import Docker
    from mngr.transport.local import Local

    instance = f"test-store-{RUN}"
    store = HostStore(Docker(Local()), instance)
    try:
        assert store.read().hosts == {}
        assert docker("ps", "-aq", "--filter", f"name=^/{store.name}$") == ""
        record = a_record(image=image)
        store.save(record)
        docker("stop", "-t", "5", store.name)
        assert store.read().hosts == {record.id: record}
        assert (store.was_up, _is(store)) == (False, "exited"), "a look doesn't start it"
        store.save_agent(record.id, AgentRecord(id=new_agent_id(), name="a"))
        docker("rm", "-f", store.name)
        stored = store.read()
        assert stored.hosts == {record.id: record}
        assert len(stored.agents[record.id]) == 1
        docker("rm", "-f", store.name)
        store.save(record)
        assert (store.read().hosts, store.was_up) == ({record.id: record}, True)
        policy = docker("inspect", "-f", "{{.HostConfig.RestartPolicy.Name}}", store.name)
        assert policy == "on-failure", (
            "an end with code 0 is for good; after a restart or a kill of the daemon it runs again"
        )
    finally:
        clear(instance)


def _is(store: HostStore) -> str:
    return docker("inspect", "-f", "{{.State.Status}}", store.name)


def test_the_state_container_runs_while_there_is_a_host_and_ends_by_itself_then(image: str) -> None:
    """Also when whoever removed the last host died right after that; and looks don't start it."""
    from mngr.containers.docker import Docker
    from mngr.transport.local import Local

    instance = f"test-rest-{RUN}"
    store = HostStore(Docker(Local()), instance)
    try:
        records = [a_record(image=image), a_record(image=image)]
        for record in records:
            store.save(record, AgentRecord(id=new_agent_id(), name="a"))
        one, other = (record.id for record in records)
        store.drop(f"hosts/{one}.json", f"hosts/{one}")
        docker("exec", store.name, "touch", f"/state/hosts/{one}.gone")
        time.sleep(25)
        assert _is(store) == "running", "there is a host"
        docker("exec", store.name, "mv", f"/state/hosts/{other}.json", f"/state/hosts/{other}.gone")
        time.sleep(25)
        assert _is(store) == "running", "there is one whose destroy was begun"
        docker("exec", store.name, "sh", "-c", f"rm -rf /state/hosts/{other} && : >/state/hosts/{other}.gone")
        until("it has ended", lambda: _is(store) == "exited", 40)
        assert docker("inspect", "-f", "{{.State.ExitCode}} {{.RestartCount}}", store.name) == "0 0"
        stored = store.read()
        assert (stored.hosts, stored.removed, stored.there) == ({}, {one, other}, True)
        assert (_is(store), store.was_up) == ("exited", False)
        again = a_record(image=image)
        store.save(again)
        assert (_is(store), store.read().hosts) == ("running", {again.id: again})
    finally:
        clear(instance)


def test_who_writes_and_looks_while_it_ends_finds_it_ended_and_goes_on(store: HostStore) -> None:
    """Its process 1 is told to end, over and over, at any moment."""
    over = threading.Event()
    done = [0]

    def ends() -> None:
        since = 0
        while not over.wait(0.1):
            if done[0] > since + 3:
                docker("kill", "-s", "TERM", store.name, check=False)
                since = done[0]

    ending = threading.Thread(target=ends)
    ending.start()
    failed: list[Exception] = []

    def lives() -> None:
        record, agent = a_record(), AgentRecord(id=new_agent_id(), name="a")
        try:
            for _ in range(8):
                store.save(record, agent)
                done[0] += 1
                assert record.id in store.read().hosts
                done[0] += 1
                store.save_agent(record.id, agent)
                done[0] += 1
                store.drop(f"hosts/{record.id}.json", f"hosts/{record.id}")
                assert record.id not in store.read().hosts
        except Exception as error:
            failed.append(error)

    writers = [threading.Thread(target=lives) for _ in range(3)]
    try:
        for thread in writers:
            thread.start()
        for thread in writers:
            thread.join()
    finally:
        over.set()
        ending.join()
    assert [f"{error} {getattr(error, 'details', '')}" for error in failed] == []


def test_gc_removes_a_state_container_of_an_older_mngr_which_never_ends(bench: Bench, image: str) -> None:
    clear(bench.provider.name)
    name = f"mngr-state-{bench.provider.name}"
    store = HostStore(bench.provider.daemon.docker, bench.provider.name)
    record = a_record(image=image)
    store.save(record)
    docker("update", "--restart", "always", name)
    bench.provider.sweep()
    assert _is(store) == "running", "there is a host"
    store.drop(f"hosts/{record.id}.json")
    store.put("snapshots/x.note", b"1")
    what = Found(thing="container", name=name, why="no-host")
    assert what in bench.provider.sweep(dry_run=True).released
    assert _is(store) == "running"
    assert what in bench.provider.sweep().released
    assert docker("ps", "-aq", "--filter", f"name=^/{name}$") == ""
    store.save(record)
    assert docker("exec", name, "cat", "/state/snapshots/x.note") == "1"
    store.drop(f"hosts/{record.id}.json", "snapshots/x.note")
