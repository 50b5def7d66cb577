"""A host's life: create, stop, start, restart, crash, destroy."""

import subprocess
import threading
import time

import pytest

from mngr.model.errors import Conflict, InvalidInput, MngrError, NotFound
from mngr.model.ids import new_host_id
from mngr.model.records import AgentRecord, HostRecord
from mngr.providers.contract import IdleRequest
from mngr.transport import keys
from mngr.transport.ssh import Ssh

from .conftest import Bench, docker, left, until

AGENT = AgentRecord(id="agent-0123456789abcdef", name="a1", created_at="2026-01-01T00:00:00Z")


def test_stop_and_start_keep_port_key_and_files(bench: Bench) -> None:
    record = bench.create("box")
    assert bench.phases == ["container", "ssh"]
    bench.run(record, "echo kept > /mngr/kept; echo kept > /opt/kept")
    assert bench.view(record).state == "running"

    bench.provider.agent_saved(record.id, AGENT)
    bench.provider.stop(record.id, bench.told.append)
    bench.provider.stop(record.id, bench.told.append)
    view = bench.view(record)
    assert (view.state, view.problem, view.agents[0].record, view.agents[0].state) == (
        "stopped",
        "",
        AGENT,
        "stopped",
    )
    policy = "{{.HostConfig.RestartPolicy.Name}}"
    assert docker("inspect", "-f", policy, f"mngr-{record.id}") == "no"

    again = bench.provider.start(record.id, bench.told.append)
    assert again == record
    assert bench.run(record, "cat /mngr/kept /opt/kept") == "kept\nkept"
    assert docker("inspect", "-f", policy, f"mngr-{record.id}") == "on-failure"
    bench.provider.start(record.id, bench.told.append)

    bench.destroy(record)
    bench.destroy(record)
    assert [name for name in left() if record.id in name] == []
    with pytest.raises(NotFound):
        bench.view(record)
    with pytest.raises(NotFound):
        bench.provider.start(record.id, bench.told.append)
    assert record.id not in bench.provider.daemon.ports.taken().values()


def test_several_creates_at_once(bench: Bench) -> None:
    records: list[HostRecord] = []
    threads = [
        threading.Thread(target=lambda i=i: records.append(bench.create(f"many{i}"))) for i in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({record.ssh_port for record in records}) == 3
    names = {view.record.name for view in bench.provider.discover().hosts}
    assert {"many0", "many1", "many2"} <= names
    only = bench.provider.discover({"many1"}).hosts
    assert [view.record.name for view in only] == ["many1"]
    for record in records:
        bench.destroy(record)


def test_create_run_again_adopts_what_is_there(bench: Bench) -> None:
    host_id = new_host_id()
    first = bench.create("again", id=host_id)
    bench.run(first, "echo kept > /mngr/kept")
    bench.provider.daemon.store.drop(
        f"hosts/{host_id}.json", f"hosts/{host_id}"
    )  # as if killed before the record was written
    assert bench.view(first).state == "failed"
    second = bench.create("again", id=host_id)
    assert (second.host_key, second.ssh_port) == (first.host_key, first.ssh_port)
    assert bench.run(second, "cat /mngr/kept") == "kept"
    bench.destroy(second)


def test_a_recorded_host_that_lacks_its_own_files_gets_them_from_the_next_create(bench: Bench) -> None:
    """Its create was killed when the record was durable and the first login hadn't come."""
    first = bench.create("lacks", idle=IdleRequest(mode="run", timeout_s=77))
    assert not bench.view(first).half_made
    bench.inside(first, "rm /mngr/idle.conf /mngr/host.json")
    assert bench.view(first).half_made
    second = bench.create("lacks", id=first.id, idle=IdleRequest(mode="run", timeout_s=77))
    view = bench.view(second)
    assert not view.half_made
    assert view.idle is not None
    assert (view.idle.mode, view.idle.timeout_s) == ("run", 77)
    bench.destroy(second)


def test_a_second_create_of_the_same_host_waits_its_turn(bench: Bench) -> None:
    host_id = new_host_id()
    with (
        bench.provider.daemon.hold(host_id),
        pytest.raises(Conflict, match="being worked on by another mngr"),
    ):
        bench.create("busy", id=host_id)


def test_a_taken_port_is_passed_over(bench: Bench) -> None:
    host_id = new_host_id()
    port = bench.provider.daemon.ports.reserve(host_id)
    with subprocess.Popen(
        ["docker", "run", "--rm", "--name", f"mngr-port-{host_id}", "--label", f"mngr.provider={bench.provider.name}",
         "-p", f"127.0.0.1:{port}:1", "mngr/agent:bookworm", "sleep", "20"],
    ) as other:  # fmt: skip
        until("the port is taken", lambda: bool(docker("ps", "-q", "--filter", f"name=mngr-port-{host_id}")))
        record = bench.create("port", id=host_id)
        assert record.ssh_port != port
        assert bench.run(record, "echo ok") == "ok"
        assert list(bench.provider.daemon.ports.taken().values()).count(host_id) == 1
        docker("rm", "-f", f"mngr-port-{host_id}")
        other.wait()
    bench.destroy(record)


def test_docker_restart_brings_sshd_and_watcher_back_with_the_same_key(bench: Bench) -> None:
    record = bench.create("restarts")
    docker("restart", "-t", "5", f"mngr-{record.id}")
    until("ssh is back", lambda: "ok" in _try(bench, record, "echo ok"))
    until("the watcher is back", lambda: "watch.sh" in bench.inside(record, "ps ax"))
    pins = keys.pinned(bench.provider.daemon.access.folder / "known_hosts" / f"{record.id}.container")
    assert pins == {("127.0.0.1", record.ssh_port): [record.host_key]}
    # Whoever ends sshd or the watcher gets new ones.
    bench.inside(record, "pkill -x sshd; pkill -f [w]atch.sh")
    until("sshd is back", lambda: "ok" in _try(bench, record, "echo ok"))
    until("the watcher is back", lambda: "watch.sh" in bench.inside(record, "ps ax"))
    bench.destroy(record)


def _try(bench: Bench, record: HostRecord, line: str) -> str:
    try:
        return bench.run(record, line)
    except MngrError as error:
        return str(error)


def test_a_killed_container_is_crashed_and_can_be_started(bench: Bench) -> None:
    record = bench.create("crashes", idle=None)
    docker("kill", f"mngr-{record.id}")
    view = bench.view(record)
    assert view.state == "crashed"
    assert view.problem.startswith("its container ended with exit code 137: it was killed")
    bench.provider.start(record.id, bench.told.append)
    assert bench.view(record).state == "running"
    docker("rm", "-f", f"mngr-{record.id}")
    view = bench.view(record)
    assert (view.state, view.problem) == ("failed", "its container is gone")
    bench.destroy(record)


SAVES = "trap 'sleep 2; echo saved >/mngr/saved; exit' TERM HUP; while :; do sleep 0.1; done"


def test_docker_restart_gives_processes_time_to_end(bench: Bench) -> None:
    record = bench.create("saves")
    bench.inside(record, f"nohup sh -c {SAVES!r} >/dev/null 2>&1 &".replace('"', '"'))
    docker("restart", f"mngr-{record.id}")
    assert bench.inside(record, "cat /mngr/saved") == "saved"
    bench.destroy(record)


def test_a_container_ends_at_once_unless_something_in_it_does_not(bench: Bench) -> None:
    record = bench.create("ends")
    bench.inside(record, "tmux -L mngr new-session -d bash -l; nohup sleep 1000 >/dev/null 2>&1 &")
    began = time.monotonic()
    docker("stop", f"mngr-{record.id}")
    assert time.monotonic() - began < 3
    assert docker("inspect", "-f", "{{.State.ExitCode}}", f"mngr-{record.id}") == "143"
    docker("start", f"mngr-{record.id}")
    bench.inside(record, "nohup sh -c 'trap \"\" TERM HUP; while :; do sleep 1; done' >/dev/null 2>&1 &")
    began = time.monotonic()
    docker("stop", f"mngr-{record.id}")
    assert 4 < time.monotonic() - began < 9  # docker itself would kill all after 10
    assert docker("inspect", "-f", "{{.State.ExitCode}}", f"mngr-{record.id}") == "143"
    bench.destroy(record)


def test_whatever_an_agent_kills_the_host_s_own_processes_come_back(bench: Bench) -> None:
    record = bench.create("killed")
    first = bench.inside(record, "pgrep -x sshd")
    bench.inside(record, "kill -9 -1", check=False)
    until("sshd is back", lambda: "ok" in _try(bench, record, "echo ok"))
    until("the watcher is back", lambda: "watch.sh" in bench.inside(record, "ps ax"))
    assert bench.inside(record, "pgrep -x sshd") != first
    assert docker("inspect", "-f", "{{.RestartCount}}", f"mngr-{record.id}") == "0"
    bench.destroy(record)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"start_args": ["--cpus=64"]}, "docker can't run the container of host wrong: .*CPUs"),
        ({"start_args": ["--device=/dev/nowhere"]}, "docker can't run the container of host wrong: "),
        ({"image": "mngr-no-such-image:1"}, "image mngr-no-such-image:1 isn't on this computer and can't be pulled"),
    ],
)  # fmt: skip
def test_what_docker_refuses_leaves_nothing(bench: Bench, spec: dict[str, object], message: str) -> None:
    before = left()
    with pytest.raises(MngrError, match=message):
        bench.create("wrong", **spec)
    assert left() == before


def test_a_name_that_is_a_prefix_of_another_hits_only_its_own(bench: Bench) -> None:
    one, two = bench.create("pre"), bench.create("prefix")
    bench.destroy(one)
    assert bench.view(two).state == "running"
    bench.destroy(two)


def test_hosts_of_this_laptop_only_are_shown(bench: Bench) -> None:
    record = bench.create("mine")
    other = Bench(bench.home, "mngr/agent:bookworm", laptop="laptop-other")
    assert record.id not in {view.record.id for view in other.provider.discover().hosts}
    bench.destroy(record)


def test_without_our_pins_commands_go_through_docker(bench: Bench) -> None:
    record = bench.create("pinless")
    assert isinstance(bench.provider.transport(record), Ssh)
    bench.provider.daemon.access.forget(record.id)
    assert bench.run(record, "echo ok") == "ok"
    bench.destroy(record)


def test_a_wrong_argument_is_refused_before_anything_is_made(bench: Bench) -> None:
    with pytest.raises(InvalidInput):
        bench.create("wrong", start_args=["--cpus=x"])
