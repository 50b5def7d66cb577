"""A host stops itself: when it is idle, and when its lifetime is over; and the list says why."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from mngr.containers import login
from mngr.model.errors import MngrError
from mngr.model.ids import new_agent_id
from mngr.model.records import AgentRecord, HostRecord
from mngr.providers.contract import IdleRequest

from .conftest import Bench, docker, until


def is_down(bench: Bench, record: HostRecord) -> bool:
    return not bench.view(record).up


def test_an_idle_host_pauses_and_says_why_and_can_be_started(bench: Bench) -> None:
    record = bench.create("idles", idle=IdleRequest(mode="boot", timeout_s=600))
    # The create of its agent was killed before that came.
    bench.provider.agent_saved(record.id, AgentRecord(id=new_agent_id(), name="announced"))
    bench.inside(record, "touch -d '1 hour ago' /mngr/activity/*")
    until("it is down", lambda: is_down(bench, record))
    view = bench.view(record)
    assert view.state == "paused"
    assert view.idle is not None
    assert view.idle.stop_cause == "idle"
    assert view.idle.stop_reason.startswith("idle since ")
    assert time.time() - 60 < (view.stopped_at or 0) <= time.time() + 1
    assert "last seen: boot; mode boot, 600 s" in view.idle.stop_reason
    assert [agent.half_made for agent in view.agents] == [True]
    assert docker("inspect", "-f", "{{.State.ExitCode}} {{.RestartCount}}", f"mngr-{record.id}") == "0 0"

    bench.provider.start(record.id, bench.told.append)
    view = bench.view(record)
    assert view.state == "running"
    assert view.idle is not None
    assert view.idle.stop_reason == ""
    assert bench.inside(record, "ls /mngr/stop") == ""
    bench.destroy(record)


def test_a_host_with_a_lifetime_is_idle_too_and_a_start_gives_it_its_time(bench: Bench) -> None:
    """Neither the watcher's own work nor an old signal counts: not for the agent, and not against a start."""
    record = bench.create("both", idle=IdleRequest(mode="create", timeout_s=9, max_lifetime_s=600))
    until("it is down", lambda: is_down(bench, record), 40)
    bench.provider.start(record.id, bench.told.append)
    time.sleep(5)
    assert bench.view(record).state == "running"
    bench.inside(
        record, "sed -i 's/^mode=.*/mode=io/; s/^signals=.*/signals=user agent ssh create/' /mngr/idle.conf"
    )
    until("it is down again", lambda: is_down(bench, record), 40)
    view = bench.view(record)
    assert view.state == "paused"
    assert view.idle is not None
    assert view.idle.stop_reason.startswith("idle since ")
    bench.destroy(record)


def test_a_lifetime_ends_whatever_runs_inside(bench: Bench) -> None:
    record = bench.create("capped", idle=IdleRequest(mode="disabled", max_lifetime_s=6))
    # What an agent, who is root inside, might try.
    bench.inside(
        record,
        "kill -9 1; kill -STOP 1; pkill -STOP -f entrypoint.sh; nohup sh -c 'trap \"\" TERM HUP USR1; while :; do sleep 1; done' >/dev/null 2>&1 &",
        check=False,
    )
    until("it is down", lambda: is_down(bench, record), 25)
    view = bench.view(record)
    assert view.state == "stopped"
    assert view.idle is not None
    assert "max lifetime" in view.idle.stop_reason
    assert docker("inspect", "-f", "{{.HostConfig.RestartPolicy.Name}}", f"mngr-{record.id}") == "no"
    bench.destroy(record)


def test_of_two_ends_the_nearer_one_is_said(bench: Bench) -> None:
    began = time.time()
    record = bench.create("ends", idle=IdleRequest(mode="io", timeout_s=800, max_lifetime_s=90))
    idle = bench.view(record).idle
    assert idle is not None
    assert began + 89 <= (idle.lifetime_ends_at or 0) <= time.time() + 91
    assert (idle.stops_at, idle.stop_cause) == (idle.lifetime_ends_at, "lifetime")
    bench.inside(record, "touch -d '13 minutes ago' /mngr/activity/*")
    idle = bench.view(record).idle
    assert idle is not None
    assert (idle.stops_at or 0) < (idle.lifetime_ends_at or 0)
    assert idle.stop_cause == "idle"
    bench.destroy(record)


def test_a_host_that_is_stopping_says_so_and_when_it_stopped(bench: Bench) -> None:
    record = bench.create("going", idle=IdleRequest(mode="disabled"))
    bench.inside(record, "nohup sh -c 'trap \"\" TERM HUP; while :; do sleep 0.1; done' >/dev/null 2>&1 &")
    with ThreadPoolExecutor(1) as pool:
        stop = pool.submit(bench.provider.stop, record.id, bench.told.append)
        until("it is stopping", lambda: bench.view(record).state == "stopping")
        stop.result()
    view = bench.view(record)
    assert (view.state, view.idle and view.idle.stop_cause) == ("stopped", "")
    assert time.time() - 60 < (view.stopped_at or 0) <= time.time() + 1
    bench.provider.start(record.id, bench.told.append)
    assert (bench.view(record).state, bench.view(record).stopped_at) == ("running", None)
    bench.destroy(record)


def test_a_lifetime_says_when_it_ended_and_a_start_begins_another(bench: Bench) -> None:
    record = bench.create("capped2", idle=IdleRequest(mode="disabled", max_lifetime_s=5))
    until("it is down", lambda: is_down(bench, record))
    view = bench.view(record)
    assert view.idle is not None
    assert view.idle.stop_reason.startswith("reached its max lifetime at 20")
    bench.provider.start(record.id, bench.told.append)
    assert bench.view(record).state == "running"
    until("it is down again", lambda: is_down(bench, record))
    bench.destroy(record)


def test_a_container_that_ends_is_noticed_at_once(bench: Bench) -> None:
    record = bench.create("short", idle=IdleRequest(mode="disabled", max_lifetime_s=60))
    docker("kill", f"mngr-{record.id}")
    with pytest.raises(MngrError, match="ended with exit code 137 before a login worked"):
        login.wait_for_login(
            bench.provider.transport(record),
            timeout=30,
            docker=bench.provider.daemon.docker,
            host_id=record.id,
        )
    bench.destroy(record)
