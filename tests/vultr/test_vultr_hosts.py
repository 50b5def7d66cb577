"""Hosts on machines that the simulated Vultr rents out: real systemd, cloud-init, sshd, Docker."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mngr.backends.vultr import BACKEND
from mngr.backends.vultr.config import VultrConfig
from mngr.journal import Journal
from mngr.model.errors import MngrError, Unreachable
from mngr.model.ids import new_host_id
from mngr.model.notes import Note
from mngr.model.progress import Step
from mngr.model.records import AgentRecord, HostRecord
from mngr.providers.contract import Context, HostSpec, IdleRequest
from mngr.transport.ssh import HostKeyMismatch
from mngr.vps_docker.errors import CloudInitFailed, HostKeyUnexpected, VpsBootTimeout
from mngr.vps_docker.provider import VpsDockerProvider
from support.simcloud import Simcloud, until

pytestmark = [pytest.mark.e2e, pytest.mark.docker]

#: A machine with Docker in it, a container image with all that a host needs: no packages to install.
QUICK = {"image": "mngr/agent:bookworm", "build_args": ["--vps-image=docker"]}


@pytest.fixture(scope="module")
def sim() -> Iterator[Simcloud]:
    if not shutil.which("docker") or subprocess.run(["docker", "version"], capture_output=True).returncode:
        pytest.skip("no Docker daemon: run `scripts/dockerd start`")
    with Simcloud("vultr", "--machines", "container", "--rate-limit", "0") as running:
        yield running


@pytest.fixture
def make(sim: Simcloud, tmp_path: Path) -> Iterator[Callable[..., VpsDockerProvider]]:
    """A provider in a MNGR_HOME of its own; what it leaves is an error, but goes."""

    def provider(home: str = "home", laptop: str = "laptop-1", **config: Any) -> VpsDockerProvider:
        settings = VultrConfig(api_key=sim.env["VULTR_API_KEY"], api_url=sim.url, list_lag=0.5, **config)
        built = BACKEND.build(settings, Context(instance="vultr", home=tmp_path / home, laptop=laptop))
        assert isinstance(built, VpsDockerProvider)
        return built

    yield provider
    left = [one["id"] for one in sim.resources("instance")]
    for id in left:
        sim.api("DELETE", f"/instances/{id}")
    sim.ask("DELETE", "/faults")
    sim.settle()
    assert left == [], "instances were left"


@pytest.fixture
def provider(make: Callable[..., VpsDockerProvider]) -> VpsDockerProvider:
    return make()


def quiet(phase: str) -> None:
    pass


def create(provider: VpsDockerProvider, **changes: Any) -> HostRecord:
    spec = HostSpec(id=new_host_id(), **{"name": "box", **QUICK, **changes})
    return provider.create(spec, provider.check(spec), quiet)


def inside(provider: VpsDockerProvider, record: HostRecord, *argv: str) -> str:
    return provider.transport(record).run(argv, timeout=30).text.strip()


def started_at(provider: VpsDockerProvider, record: HostRecord) -> str:
    """When the container's process 1 started; "" while nobody can log in to it."""
    try:
        return inside(provider, record, "stat", "-c", "%Y", "/proc/1")
    except MngrError:
        return ""


def settled(sim: Simcloud, provider: VpsDockerProvider) -> bool:
    """Nothing billed, nothing intended, nothing kept about the host."""
    folder = provider.rented.access.folder
    kept = [path.name for name in ("known_hosts", "ssh") for path in (folder / name).glob("*")]
    return not sim.bill()["open"] and not provider.rented.journal.entries() and not kept


def test_a_hosts_whole_life(sim: Simcloud, provider: VpsDockerProvider) -> None:
    told: list[Step | Note] = []
    spec = HostSpec(id=new_host_id(), name="box", **QUICK)  # type: ignore[arg-type]
    record = provider.create(spec, provider.check(spec), told.append)
    assert [one.phase for one in told if isinstance(one, Step) and one.phase != "image"] == [
        "order", "boot", "cloud-init", "host key", "container", "ssh", "record"
    ]  # fmt: skip
    assert (record.ssh_trust, record.ssh_port, record.price_per_hour) == ("pinned", 2222, 0.007)
    assert provider.rented.journal.entries() == []

    # The container is its own place, over its own sshd, with keys of its own.
    assert inside(provider, record, "hostname") == "box"
    machine = provider.rented.access.machine(record.id, record.address)
    assert machine.run(["docker", "ps", "-q", "--filter", f"name=^/mngr-{record.id}$"]).text.strip()
    assert provider.rented.access.machine_key() != provider.rented.access.container_key()

    # The key that travelled in user data is worth nothing, and isn't there any more.
    (instance,) = sim.resources("instance")
    data = sim.api("GET", f"/instances/{instance['id']}/user-data")[1]["user_data"]["data"]
    assert len(data) < 100
    live = machine.run(["cat", "/etc/ssh/ssh_host_ed25519_key.pub"]).text.split()[1]
    assert provider.rented.access.machine_pins(record.id) == [f"ssh-ed25519 {live}"]
    assert f"mngr-host-key={live}" in instance["tags"]
    assert "mngr-ready=1" in instance["tags"]
    assert not any(
        tag.startswith(("mngr-until", "mngr-builder", "mngr-host-key-next")) for tag in instance["tags"]
    )

    # An agent's record is kept where a stopped host's agents are listed from.
    agent = AgentRecord(id="agent-0123456789abcdef", name="a1")
    provider.agent_saved(record.id, agent)

    (host,) = provider.discover().hosts
    assert (host.state, host.record, host.problem) == ("running", record, "")
    assert [(one.record.name, one.half_made) for one in host.agents] == [("a1", True)]
    assert host.cost_so_far == 0.007
    assert host.idle is not None
    assert host.idle.stops_at is not None

    provider.stop(record.id, quiet)
    provider.stop(record.id, quiet)
    view = provider.view(record.id)
    assert (view.state, [one.state for one in view.agents]) == ("stopped", ["stopped"])
    assert sim.bill()["open"] == 1  # the machine runs on, and is billed
    assert provider.start(record.id, quiet) == record
    assert inside(provider, record, "hostname") == "box"

    # A reboot of the machine brings the container back, and the stop holds over a reboot.
    before = started_at(provider, record)
    assert sim.api("POST", f"/instances/{instance['id']}/reboot")[0] == 204
    until(lambda: started_at(provider, record) not in ("", before), "the container to come back")
    watchers = "ps -eo args | grep -c '^sh commands/watch[.]sh' || true"
    until(lambda: inside(provider, record, "sh", "-c", watchers) != "0", "its watcher")
    provider.stop(record.id, quiet)
    sim.api("POST", f"/instances/{instance['id']}/reboot")
    sim.settle()
    until(
        lambda: provider.view(record.id).state == "stopped", "the machine to be back, the container stopped"
    )

    assert provider.sweep().released == []
    provider.agent_removed(record.id, agent.id)
    provider.destroy(record.id, quiet)
    provider.destroy(record.id, quiet)
    assert settled(sim, provider)
    assert provider.discover().hosts == []


def test_idle_and_lifetime_stop_it_from_the_machine_with_the_laptop_closed(
    sim: Simcloud, provider: VpsDockerProvider
) -> None:
    # Long enough to be seen running after a start, on a busy computer too.
    record = create(provider, idle=IdleRequest(mode="start", timeout_s=20))
    until(lambda: provider.view(record.id).state == "paused", "the host to stop itself", limit_s=120)
    view = provider.view(record.id)
    assert view.idle is not None
    assert view.idle.stop_reason.startswith("idle since ")
    assert (view.idle.stop_cause, view.problem) == ("idle", "")
    assert time.time() - 120 < (view.stopped_at or 0) <= time.time() + 1
    # The stop holds over a reboot.
    (instance,) = sim.resources("instance")
    sim.api("POST", f"/instances/{instance['id']}/reboot")
    sim.settle()
    until(lambda: provider.view(record.id).state == "paused", "the host to be paused still")
    # A start is activity: it doesn't stop again within a poll.
    provider.start(record.id, quiet)
    assert provider.view(record.id).state == "running"
    provider.destroy(record.id, quiet)

    record = create(provider, idle=IdleRequest(mode="disabled", max_lifetime_s=60))
    view = provider.view(record.id)
    assert view.state == "running"
    assert view.idle is not None
    assert view.idle.lifetime_ends_at is not None
    assert (view.idle.stops_at, view.idle.stop_cause) == (view.idle.lifetime_ends_at, "lifetime")
    until(lambda: provider.view(record.id).state == "stopped", "its lifetime to end", limit_s=180)
    view = provider.view(record.id)
    assert view.idle is not None
    assert view.idle.stop_reason.startswith("reached its max lifetime at ")
    provider.start(record.id, quiet)  # a person's word: a lifetime anew
    view = provider.view(record.id)
    assert view.idle is not None
    assert view.state == "running"
    assert (view.idle.lifetime_ends_at or 0) > time.time()
    provider.destroy(record.id, quiet)
    assert settled(sim, provider)


def test_docker_is_installed_where_it_isnt(sim: Simcloud, provider: VpsDockerProvider) -> None:
    record = create(provider, build_args=[])
    assert inside(provider, record, "hostname") == "box"
    assert "docker.io" in provider.boot_log(record.id)
    provider.destroy(record.id, quiet)
    assert settled(sim, provider)


# --- what goes wrong ------------------------------------------------------------------------------------------------


def test_a_failed_first_boot_shows_the_logs_end_and_leaves_nothing(
    sim: Simcloud, provider: VpsDockerProvider
) -> None:
    sim.fault("cloud_init_fail", method="POST", path="/instances", how="docker")
    with pytest.raises(CloudInitFailed, match="the first boot of the new machine at 127") as caught:
        create(provider)
    assert "docker" in caught.value.details.lower()
    assert settled(sim, provider)


def test_user_data_that_was_cut_short_shows_as_another_host_key_or_a_failed_boot(
    sim: Simcloud, make: Callable[..., VpsDockerProvider], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mngr.vps_docker.building.STRANGE_S", 5.0)
    provider = make(vps_boot_timeout=40)
    sim.fault("cloud_init_fail", method="POST", path="/instances", how="user_data")
    with pytest.raises((HostKeyUnexpected, CloudInitFailed)):
        create(provider)
    assert settled(sim, provider)


def test_a_machine_with_another_host_key_gets_nothing_from_us(
    sim: Simcloud, provider: VpsDockerProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mngr.vps_docker.building.STRANGE_S", 5.0)
    sim.fault("refuse_key", method="POST", path="/instances")
    with pytest.raises(HostKeyUnexpected, match="shows another SSH host key than the one it was given"):
        create(provider)
    assert settled(sim, provider)


def test_a_machine_that_never_boots(sim: Simcloud, make: Callable[..., VpsDockerProvider]) -> None:
    sim.fault("boot_never", method="POST", path="/instances")
    provider = make(vps_boot_timeout=3)
    with pytest.raises(VpsBootTimeout, match="isn't up 3 s after its order"):
        create(provider)
    assert settled(sim, provider)


def test_an_image_that_isnt_there(sim: Simcloud, provider: VpsDockerProvider) -> None:
    with pytest.raises(MngrError, match="no/such-image"):
        create(provider, image="no/such-image:1")
    assert settled(sim, provider)


def test_killed_in_the_middle_and_created_again_goes_on_with_the_same_machine(
    sim: Simcloud, provider: VpsDockerProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At each step: what was bought is used by the next try, also when the host key was swapped already."""
    from mngr.containers import container, login
    from mngr.vps_docker import booting, building, guard, host_key

    class Killed(BaseException):
        pass

    def dies(*args: object, **options: object) -> None:
        raise Killed

    spec = HostSpec(id=new_host_id(), name="box", **QUICK)  # type: ignore[arg-type]
    places = [
        (booting, "running"), (building.Builder, "_first_boot"), (host_key, "_shows"), (container, "create"),
        (guard, "set_up"), (login, "first_login"), (provider.cloud, "tag"),
    ]  # fmt: skip
    for where, name in places:
        with monkeypatch.context() as patch:
            patch.setattr(where, name, dies)
            patch.setattr("mngr.vps_docker.creating.take_back", lambda *args: None)
            with pytest.raises(Killed):
                provider.create(spec, provider.check(spec), quiet)
    record = provider.create(spec, provider.check(spec), quiet)
    assert inside(provider, record, "hostname") == "box"
    orders = [c for c in sim.calls() if c["method"] == "POST" and c["path"].endswith("/instances")]
    assert len(sim.resources("instance")) == 1, orders
    provider.destroy(record.id, quiet)
    assert settled(sim, provider)


def test_a_second_laptop_sees_the_host_and_takes_nothing_away(
    sim: Simcloud, provider: VpsDockerProvider, make: Callable[..., VpsDockerProvider]
) -> None:
    record = create(provider)
    other = make(home="other", laptop="laptop-2")
    (host,) = other.discover().hosts
    assert (host.state, host.record.name) == ("unreachable", "box")
    assert "refuses our key" in host.problem
    assert other.sweep().released == []
    # The same laptop that lost everything but its keys finds its pins in the machine's tags.
    (provider.rented.access.folder / "known_hosts" / record.id).unlink()
    (host,) = provider.discover().hosts
    assert host.state == "running"
    other.destroy(record.id, quiet)
    assert sim.bill()["open"] == 0
    assert Journal(provider.rented.context.home / "journal").entries() == []
    provider.destroy(record.id, quiet)
    assert settled(sim, provider)


def test_somebody_in_between_is_noticed(sim: Simcloud, provider: VpsDockerProvider) -> None:
    record = create(provider)
    access = provider.rented.access
    access.forget(record.id)
    access.pin_machine(
        record.id,
        record.address,
        ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"],
    )
    with pytest.raises(HostKeyMismatch):
        provider.start(record.id, quiet)
    assert provider.view(record.id).state == "unreachable"
    wrong = msgspec.structs.replace(
        record, host_key="ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"
    )
    with pytest.raises(Unreachable):
        inside(provider, wrong, "hostname")
    provider.destroy(record.id, quiet)
    assert settled(sim, provider)


def test_a_snapshot_travels_as_a_file_and_a_cut_short_one_is_undone(
    sim: Simcloud, provider: VpsDockerProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mngr.containers import snapshots

    record = create(provider)
    transport = provider.transport(record)
    transport.run(["sh", "-c", "echo kept >/mngr/work.txt; echo too >/root/outside.txt"])
    made = provider.snapshot_create(record.id, "mine", quiet)
    assert [one.id for one in provider.snapshot_list().snapshots] == [made.id]
    assert provider.view(record.id).snapshots == 1
    file = tmp_path / "mine.tar"
    provider.snapshot_export(made.id, file, quiet)

    # Killed while it is taken: the host is paused, and the next sweep lets it go on.
    def dies(*args: object, **options: object) -> None:
        machine = provider.rented.access.machine(record.id, record.address)
        machine.run(["docker", "pause", f"mngr-{record.id}"])
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(snapshots, "create", dies)
        with pytest.raises(KeyboardInterrupt):
            provider.snapshot_create(record.id, "cut", quiet)
    assert len(provider.rented.journal.entries()) == 1
    assert len(provider.sweep().released) == 1
    assert inside(provider, record, "cat", "/mngr/work.txt") == "kept"
    assert provider.rented.journal.entries() == []

    provider.snapshot_destroy(made.id)
    assert provider.snapshot_list().snapshots == []
    provider.destroy(record.id, quiet)
    again = create(provider, snapshot=str(file), image="")
    assert inside(provider, again, "cat", "/mngr/work.txt") == "kept"
    assert inside(provider, again, "cat", "/root/outside.txt") == "too"
    assert again.host_key != record.host_key
    provider.destroy(again.id, quiet)
    assert settled(sim, provider)


def test_a_machine_that_has_a_build_builds_and_installs_nothing_again(
    sim: Simcloud, provider: VpsDockerProvider, tmp_path: Path
) -> None:
    from mngr.containers import build_args, image
    from mngr.containers.docker import Docker

    installs = "#!/bin/sh\\n[ ! -e /srv/rsync ] || mv /srv/rsync /usr/bin/rsync\\n"  # a machine under test reaches no mirror
    (tmp_path / "Dockerfile").write_text(
        f"FROM mngr/agent:bookworm\nRUN cat /proc/sys/kernel/random/uuid >/made; mv /usr/bin/rsync /srv/rsync; "
        f"printf '{installs}' >/usr/bin/apt-get\n"
    )
    record = create(provider, image="", build_args=["--vps-image=docker", str(tmp_path)])
    made = inside(provider, record, "cat", "/made")
    docker = Docker(provider.rented.access.machine(record.id, record.address))
    whose = {"mngr.provider": record.provider, "mngr.laptop": record.builder}
    again = image.build(docker, "host-again", build_args.split([str(tmp_path)], {}), whose, quiet)
    assert again[1].startswith("mngr-prepared:")
    assert docker.run("run", "--rm", again[1], "sh", "-c", "cat /made; ls /usr/bin/rsync").text == (
        f"{made}\n/usr/bin/rsync\n"
    )
    provider.destroy(record.id, quiet)
