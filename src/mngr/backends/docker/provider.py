"""HostProvider over the Docker daemon of this computer."""

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from mngr.backends.docker import DockerConfig
from mngr.backends.docker.ports import Ports
from mngr.journal.store import Held, Journal
from mngr.model.errors import Conflict, MngrError, NotFound
from mngr.model.idle import parse_mode
from mngr.model.ids import new_snapshot_id
from mngr.model.records import AgentRecord, HostRecord, Idle
from mngr.model.views import HostView, Listing, Offer, Problem
from mngr.providers.contract import Abilities, Context, HostSpec, Progress, Snapshot, SnapshotListing, Swept
from mngr.transport.base import Transport
from mngr.transport.local import Local
from mngr.transport.ssh import Ssh
from mngr.vps_docker.access import Access
from mngr.vps_docker.docker_over_ssh import DockerOverSsh
from mngr.vps_docker.host_store import VpsDockerHostStore

if TYPE_CHECKING:
    from mngr.vps_docker.survey import Seen, Survey


class DockerProvider:
    """Containers whose sshd is published on loopback. Their records are in the state container, as on rented machines."""

    backend = "docker"
    abilities = Abilities(restores_by_id=True, starts_agents=True)

    def __init__(self, config: DockerConfig, context: Context) -> None:
        self.config = config
        self.context = context
        self.name = context.instance
        self.host_dir = config.host_dir
        self.docker = DockerOverSsh(Local(), host=config.docker_host)
        self.store = VpsDockerHostStore(self.docker, self.name)
        self.access = Access(context.folder(self.backend), connect_timeout=10)
        self.ports = Ports(context.folder(self.backend) / "ports")
        self.ready_images: dict[str, str] = {}  #: image → what the next create uses for it
        self.idle = Idle(
            mode=parse_mode(config.default_idle_mode),
            timeout_s=config.default_idle_timeout,
            max_lifetime_s=config.default_max_lifetime,
        )

    # --- making -----------------------------------------------------------------------------------------------

    def check(self, spec: HostSpec) -> Offer:
        from mngr.backends.docker import making

        return making.check(self, spec)

    def create(self, spec: HostSpec, progress: Progress) -> HostRecord:
        from mngr.backends.docker import making

        making.validate(self, spec)
        with self.hold(spec.id):
            return making.create(self, spec, progress)

    def remove_parts(self, host_id: str, *, unfinished: bool = False) -> None:
        """Container, volume, image, records, port and pins. Repeatable.

        `unfinished`: only of a host without a record; raises Conflict if it has got one by now.
        """
        from mngr.vps_docker import container

        container.remove(self.docker, host_id, store=self.store.name, unfinished=unfinished)
        self.ports.free(host_id)
        self.access.forget(host_id)

    def hold(self, host_id: str) -> Held:
        """The lock of whoever makes or removes the host (or snapshot). Raises Conflict if another process has it."""
        return Journal(self.context.home / "journal").hold(self.name, host_id)

    # --- looking ----------------------------------------------------------------------------------------------

    def discover(self, only: Collection[str] | None = None) -> Listing:
        limit = "" if only is None else " ".join(only) or "-"
        try:
            survey = self.store.survey(limit)
        except MngrError as error:
            return Listing(
                errors=[Problem(provider=self.name, what="docker", error=error.message, hint=error.hint)]
            )
        hosts = [
            view
            for view in self.views(survey)
            if only is None or view.record.id in only or view.record.name in only
        ]
        return Listing(hosts=hosts, errors=self._problems(survey))

    def view(self, host_id: str) -> HostView:
        for view in self.views(self.store.survey(host_id)):
            if view.record.id == host_id:
                return view
        raise NotFound(f"there is no host {host_id} on {self.name}", hint="`mngr list` shows what there is")

    def views(self, survey: "Survey") -> list[HostView]:
        """All hosts of this MNGR_HOME: those with a record, those being made, and what is left of cut-short work."""
        from mngr.vps_docker.survey import host_view

        stored = survey.stored
        found = [
            host_view(record, survey.containers.get(record.id), stored)
            for record in stored.hosts.values()
            if self._is_mine(record.builder)
        ]
        for view in found:
            seen = survey.containers.get(view.record.id)
            # Here the record comes before the host's own files (making.py); elsewhere after them.
            lacks_files = seen is not None and seen.facts is not None and seen.facts.idle is None
            view.half_made = lacks_files and all(agent.half_made for agent in view.agents)
        for host_id, record in stored.going.items():
            if record is not None and self._is_mine(record.builder):
                view = host_view(record, survey.containers.get(host_id), stored)
                view.state = "stopping"
                view.problem = "its destroy was cut short; `mngr gc` or another destroy finishes it"
                found.append(view)
        for seen in survey.containers.values():
            if self.is_unfinished(seen.host_id, survey) and self._is_mine(seen.laptop):
                found.append(self._unfinished(seen, going=seen.host_id in stored.removed))
        return found

    def is_unfinished(self, host_id: str, survey: "Survey") -> bool:
        """Whether a container or volume has no record, not even an unreadable one."""
        stored = survey.stored
        return (
            host_id not in stored.hosts
            and host_id not in stored.going
            and f"{host_id}.json" not in stored.problems
        )

    def _unfinished(self, seen: "Seen", *, going: bool) -> HostView:
        record = HostRecord(
            id=seen.host_id, name=seen.host_name, provider=self.name, backend=self.backend, builder=seen.laptop,
            image=seen.image, host_dir=seen.host_dir,
        )  # fmt: skip
        if self.is_held(seen.host_id):
            return HostView(record=record, state="stopping" if going else "building")
        if going:
            return HostView(
                record=record, state="stopping", problem="its removal was cut short; `mngr gc` finishes it"
            )
        return HostView(
            record=record,
            state="failed",
            problem="its create was cut short; create it again, or `mngr gc` removes it",
        )

    def is_held(self, host_id: str) -> bool:
        """Whether a process on this computer is making or removing the host at this moment."""
        try:
            with self.hold(host_id):
                return False
        except Conflict:
            return True

    def _problems(self, survey: "Survey") -> list[Problem]:
        """Unreadable host records; those of hosts known to be another MNGR_HOME's are its own affair."""
        found = []
        for key, problem in survey.stored.problems.items():
            host_id, _, kind = key.partition(".")
            seen = survey.containers.get(host_id)
            if kind == "json" and "/" not in host_id and (seen is None or self._is_mine(seen.laptop)):
                found.append(problem)
        return found

    def _is_mine(self, laptop: str) -> bool:
        return self.config.every_laptop or laptop == self.context.laptop

    def transport(self, record: HostRecord) -> Transport:
        if self.access.has_container_pin(record.id):
            return self.ssh(record)
        from mngr.vps_docker import container

        return self.docker.container(container.name_of(record.id))

    def ssh(self, record: HostRecord) -> Ssh:
        return self.access.container(record.id, record.address, record.ssh_port)

    # --- changing ---------------------------------------------------------------------------------------------

    def stop(self, host_id: str, progress: Progress) -> None:
        from mngr.vps_docker import container

        container.stop(self.docker, host_id)

    def start(self, host_id: str, progress: Progress) -> HostRecord:
        from mngr.vps_docker import container

        record = self._record(host_id)
        container.start(self.docker, host_id, restart=container.restart_policy(record.idle))
        progress("ssh")
        container.wait_for_login(
            self.transport(record),
            timeout=self.config.ssh_connect_timeout,
            clock=self.context.clock,
            docker=self.docker,
            host_id=host_id,
        )
        return record

    def destroy(self, host_id: str, progress: Progress) -> None:
        with self.hold(host_id):
            self.remove_parts(host_id)

    def agent_saved(self, host_id: str, record: AgentRecord) -> None:
        self.store.save_agent(host_id, record)

    def agent_removed(self, host_id: str, agent_id: str) -> None:
        self.store.remove_agent(host_id, agent_id)

    def sweep(self, *, dry_run: bool = False) -> Swept:
        from mngr.backends.docker.sweep import sweep

        return sweep(self, dry_run=dry_run)

    # --- snapshots --------------------------------------------------------------------------------------------

    def snapshot_create(self, host_id: str, name: str, progress: Progress) -> Snapshot:
        from mngr.vps_docker import snapshots

        snapshot_id = new_snapshot_id()
        with self.hold(snapshot_id):
            return snapshots.create(
                self.store, self._record(host_id), name, self.context.clock, progress, snapshot_id=snapshot_id
            )

    def snapshot_list(self, host_id: str = "") -> SnapshotListing:
        from mngr.vps_docker import snapshots

        stored = self.store.read()
        return SnapshotListing(
            snapshots=snapshots.of(stored, host_id), errors=snapshots.unread(stored, self.name)
        )

    def snapshot_destroy(self, snapshot_id: str) -> None:
        from mngr.vps_docker import snapshots

        snapshots.destroy(self.store, snapshot_id)

    def snapshot_export(self, snapshot_id: str, file: Path, progress: Progress) -> None:
        from mngr.vps_docker import snapshots

        snapshots.export(self.store, snapshot_id, file, progress)

    def _record(self, host_id: str) -> HostRecord:
        stored = self.store.read()
        if host_id in stored.hosts:
            return stored.hosts[host_id]
        problem = stored.problems.get(f"{host_id}.json")
        if problem:
            raise MngrError(f"{problem.what}: {problem.error}", hint=problem.hint)
        raise NotFound(f"there is no host {host_id} on {self.name}", hint="`mngr list` shows what there is")
