"""What is left of commands that were killed goes away; what holds work never does."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mngr.model.errors import Conflict, Unreachable
from mngr.model.ids import new_agent_id, new_host_id
from mngr.model.records import AgentRecord, HostRecord
from mngr.model.swept import Found

from .conftest import INSTANCE, RUN, Bench, docker, left

CREATE = """
import sys
from pathlib import Path
from mngr.backends.docker import BACKEND, DockerConfig
from mngr.providers.contract import Context, HostSpec
context = Context(instance=sys.argv[1], home=Path(sys.argv[2]), laptop=sys.argv[3])
provider = BACKEND.build(DockerConfig(default_image="mngr/agent:bookworm"), context)
spec = HostSpec(id=sys.argv[4], name="killed")
provider.create(spec, provider.check(spec), lambda phase: None)
"""


def unrecorded(bench: Bench, name: str, **spec: object) -> HostRecord:
    """A host whose create was killed just before its record was written."""
    record = bench.create(name, **spec)
    bench.provider.daemon.store.drop(f"hosts/{record.id}.json", f"hosts/{record.id}")
    return record


@pytest.mark.parametrize("after_s", [0.15, 0.3, 0.45, 0.6])
def test_a_killed_create_leaves_nothing_after_a_sweep(bench: Bench, after_s: float) -> None:
    host_id = new_host_id()
    with subprocess.Popen(
        [sys.executable, "-c", CREATE, INSTANCE, str(bench.home), f"laptop-{RUN}", host_id],
        start_new_session=True,
    ) as process:
        time.sleep(after_s)
        os.killpg(process.pid, signal.SIGKILL)
    time.sleep(0.5)  # the daemon ends what it was asked for
    swept = bench.provider.sweep()
    assert swept.errors == []
    if host_id in bench.provider.daemon.store.read().hosts:  # it was through
        bench.provider.destroy(host_id, lambda phase: None)
    assert [name for name in left() if host_id in name] == []
    assert host_id not in bench.provider.daemon.ports.taken().values()


def test_the_late_write_of_a_killed_create_brings_no_host_back(bench: Bench) -> None:
    record = unrecorded(bench, "late")
    assert any(record.id in one.name for one in bench.provider.sweep().released)
    with pytest.raises(Conflict, match="removed"):
        bench.provider.daemon.store.save(record, AgentRecord(id=new_agent_id(), name="late"))
    stored = bench.provider.daemon.store.read()
    assert record.id not in stored.hosts
    assert record.id not in stored.agents
    assert record.id not in stored.going
    assert [view for view in bench.provider.discover().hosts if view.record.id == record.id] == []


def test_a_host_that_has_its_record_by_now_is_not_taken_for_unfinished(bench: Bench) -> None:
    record = bench.create("in-time")
    with pytest.raises(Conflict, match="its record"):
        bench.provider.daemon.remove(record.id, unfinished=True)
    assert bench.view(record).state == "running"
    bench.destroy(record)


def test_what_is_being_built_is_left_alone(bench: Bench) -> None:
    record = unrecorded(bench, "building")
    with bench.provider.daemon.hold(record.id):
        assert bench.view(record).state == "building"
        swept = bench.provider.sweep()
        assert "busy" in [one.why for one in swept.kept]
        assert f"mngr-{record.id}" in left()
    dry = bench.provider.sweep(dry_run=True)
    assert any(record.id in one.name for one in dry.released)
    assert f"mngr-{record.id}" in left()
    assert any(record.id in one.name for one in bench.provider.sweep().released)
    assert f"mngr-{record.id}" not in left()


@pytest.mark.parametrize("how", ["running", "stopped", "gone"])
def test_what_holds_agents_is_never_touched(bench: Bench, how: str) -> None:
    record = unrecorded(bench, "works")
    bench.inside(record, "mkdir -p /mngr/agents/agent-1 && echo '{}' > /mngr/agents/agent-1/agent.json")
    if how == "stopped":
        docker("stop", "-t", "5", f"mngr-{record.id}")
    if how == "gone":
        docker("rm", "-f", f"mngr-{record.id}")
    swept = bench.provider.sweep()
    assert any(
        record.id in one.name and (one.why, one.others) == ("holds-agents", ["agent-1"]) for one in swept.kept
    )
    assert f"mngr-{record.id}" in docker("volume", "ls", "-q")
    bench.destroy(record)


def test_another_laptop_s_building_is_left_until_its_lease_has_passed(bench: Bench, tmp_path: Path) -> None:
    other = Bench(tmp_path, "mngr/agent:bookworm", laptop="laptop-other")
    record = unrecorded(other, "theirs")
    swept = bench.provider.sweep()
    assert any(
        record.id in one.name and (one.why, one.by) == ("in-the-making", "laptop-other") for one in swept.kept
    )

    class Later:
        def now(self) -> float:
            return time.time() + 1000

    import msgspec

    bench.provider.daemon.context = msgspec.structs.replace(bench.provider.daemon.context, clock=Later())
    assert any(record.id in one.name for one in bench.provider.sweep().released)
    assert f"mngr-{record.id}" not in left()


def test_a_cut_short_destroy_is_finished(bench: Bench) -> None:
    record = bench.create("half")
    docker(
        "exec",
        bench.provider.daemon.store.name,
        "mv",
        f"/state/hosts/{record.id}.json",
        f"/state/hosts/{record.id}.gone",
    )
    view = bench.view(record)
    assert (view.state, view.problem) == (
        "stopping",
        "its destroy was cut short; `mngr gc` or another destroy finishes it",
    )
    assert Found(thing="host", name="half", why="destroy-cut-short") in bench.provider.sweep().released
    assert f"mngr-{record.id}" not in left()
    assert record.id not in bench.provider.daemon.store.read().going


def test_a_store_that_cant_be_read_stops_the_sweep(bench: Bench) -> None:
    record = bench.create("safe")
    docker("pause", bench.provider.daemon.store.name)
    try:
        with pytest.raises(
            Unreachable, match=r"what docker on this computer holds can't be read: .* is paused"
        ):
            bench.provider.sweep()
        listing = bench.provider.discover()
        assert (listing.hosts, len(listing.errors)) == ([], 1)
    finally:
        docker("unpause", bench.provider.daemon.store.name)
    assert bench.view(record).state == "running"
    bench.destroy(record)
