"""The state container: durable, whole under concurrency, and never taken for empty."""

import subprocess
import threading

import msgspec
import pytest

from mngr.containers.store import HostStore
from mngr.hosts import scripts
from mngr.model.errors import NotFound
from mngr.model.ids import new_agent_id, new_host_id
from mngr.model.records import AgentRecord, HostRecord

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
        docker("stop", "-t", "5", store.name)
        store.save_agent(record.id, AgentRecord(id=new_agent_id(), name="a"))
        docker("rm", "-f", store.name)
        stored = store.read()
        assert stored.hosts == {record.id: record}
        assert len(stored.agents[record.id]) == 1
        docker("rm", "-f", store.name)
        store.save(record)
        assert docker("inspect", "-f", "{{.HostConfig.RestartPolicy.Name}}", store.name) == "always"
    finally:
        clear(instance)
