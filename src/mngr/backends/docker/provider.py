"""HostProvider over the Docker daemon of this computer."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mngr.backends.docker import DockerConfig
from mngr.backends.docker.daemon import Daemon, is_unfinished
from mngr.model.errors import MngrError, NotFound
from mngr.model.ids import new_snapshot_id
from mngr.model.progress import Progress, Step
from mngr.model.records import AgentRecord, HostRecord
from mngr.model.views import HostView, Listing, Offer, Problem
from mngr.providers.contract import Abilities, Context, HostSpec, Snapshot, SnapshotListing, Swept
from mngr.transport.base import Transport

if TYPE_CHECKING:
    from mngr.containers.survey import Seen, Survey


class DockerProvider:
    """Containers whose sshd is published on loopback. Their records are in the state container, as on rented machines."""

    backend = "docker"
    abilities = Abilities(restores_by_id=True, starts_agents=True)

    def __init__(self, config: DockerConfig, context: Context) -> None:
        self.daemon = Daemon(config, context)
        self.name = context.instance
        self.host_dir = config.host_dir
        self._lost: set[str] = set()  #: hosts that were seen without their record

    # --- making -----------------------------------------------------------------------------------------------

    def check(self, spec: HostSpec) -> Offer:
        from mngr.backends.docker import making

        return making.check(self.daemon, spec)

    def create(self, spec: HostSpec, offer: Offer, progress: Progress) -> HostRecord:
        from mngr.backends.docker import making

        with self.daemon.hold(spec.id):
            return making.create(self.daemon, spec, offer, progress)

    # --- looking ----------------------------------------------------------------------------------------------

    def discover(self, only: Collection[str] | None = None) -> Listing:
        limit = "" if only is None else " ".join(only) or "-"
        try:
            survey = self.daemon.store.survey(limit)
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
        for view in self.views(self.daemon.store.survey(host_id)):
            if view.record.id == host_id:
                return view
        raise NotFound(f"there is no host {host_id} on {self.name}", hint="`mngr list` shows what there is")

    def views(self, survey: "Survey") -> list[HostView]:
        """All hosts of this MNGR_HOME: those with a record, those being made, and what is left of cut-short work."""
        from mngr.containers.survey import host_view

        stored = survey.stored
        found = [
            host_view(record, survey.containers.get(record.id), stored)
            for record in stored.hosts.values()
            if self.daemon.is_mine(record.builder)
        ]
        for view in found:
            seen = survey.containers.get(view.record.id)
            # Here the record comes before the host's own files (making.py); elsewhere after them.
            lacks_files = seen is not None and seen.facts is not None and seen.facts.idle is None
            view.half_made = lacks_files and all(agent.half_made for agent in view.agents)
        for host_id, record in stored.going.items():
            if record is not None and self.daemon.is_mine(record.builder):
                view = host_view(record, survey.containers.get(host_id), stored)
                view.state = "stopping"
                view.problem = "its destroy was cut short; `mngr gc` or another destroy finishes it"
                found.append(view)
        for seen in survey.containers.values():
            if is_unfinished(seen.host_id, survey) and self.daemon.is_mine(seen.laptop):
                found.append(self._unfinished(seen, going=seen.host_id in stored.removed))
        return found

    def _unfinished(self, seen: "Seen", *, going: bool) -> HostView:
        record = HostRecord(
            id=seen.host_id, name=seen.host_name, provider=self.name, backend=self.backend, builder=seen.laptop,
            image=seen.image, host_dir=seen.host_dir,
        )  # fmt: skip
        if self.daemon.is_held(seen.host_id):
            return HostView(record=record, state="stopping" if going else "building")
        if going:
            return HostView(
                record=record, state="stopping", problem="its removal was cut short; `mngr gc` finishes it"
            )
        from mngr.backends.docker import lost

        view = lost.view(self.daemon, seen)
        if view is not None:
            self._lost.add(seen.host_id)
            return view
        return HostView(
            record=record,
            state="failed",
            problem="its create was cut short; create it again, or `mngr gc` removes it",
        )

    def _problems(self, survey: "Survey") -> list[Problem]:
        """Unreadable host records; those of hosts known to be another MNGR_HOME's are its own affair."""
        found = []
        for key, problem in survey.stored.problems.items():
            host_id, _, kind = key.partition(".")
            seen = survey.containers.get(host_id)
            if kind == "json" and "/" not in host_id and (seen is None or self.daemon.is_mine(seen.laptop)):
                found.append(problem)
        return found

    def transport(self, record: HostRecord) -> Transport:
        if self.daemon.access.has_container_pin(record.id):
            return self.daemon.ssh(record)
        from mngr.containers import container

        return self.daemon.docker.container(container.name_of(record.id))

    def read_files(self, host_id: str, paths: Sequence[str]) -> dict[str, bytes]:
        from mngr.containers import files

        return files.read(self.daemon.docker, host_id, paths)

    # --- changing ---------------------------------------------------------------------------------------------

    def stop(self, host_id: str, progress: Progress) -> None:
        from mngr.containers import container

        if host_id in self._lost:
            self._record(host_id)
        container.stop(self.daemon.docker, host_id)

    def start(self, host_id: str, progress: Progress) -> HostRecord:
        from mngr.containers import container, login

        record = self._record(host_id)
        container.start(self.daemon.docker, host_id, restart=container.restart_policy(record.idle))
        progress(Step("ssh"))
        login.wait_for_login(
            self.transport(record),
            timeout=self.daemon.config.ssh_connect_timeout,
            clock=self.daemon.context.clock,
            docker=self.daemon.docker,
            host_id=host_id,
        )
        return record

    def destroy(self, host_id: str, progress: Progress) -> None:
        with self.daemon.hold(host_id):
            self.daemon.remove(host_id)

    def agent_saved(self, host_id: str, record: AgentRecord) -> None:
        try:
            self.daemon.store.save_agent(host_id, record)
        except NotFound:
            self._record(host_id)
            self.daemon.store.save_agent(host_id, record)

    def agent_removed(self, host_id: str, agent_id: str) -> None:
        self.daemon.store.remove_agent(host_id, agent_id)

    def sweep(self, *, dry_run: bool = False) -> Swept:
        from mngr.backends.docker.sweep import sweep

        return sweep(self.daemon, dry_run=dry_run)

    # --- snapshots --------------------------------------------------------------------------------------------

    def snapshot_create(self, host_id: str, name: str, progress: Progress, *, agent: str = "") -> Snapshot:
        from mngr.containers import snapshots

        snapshot_id = new_snapshot_id()
        with self.daemon.hold(snapshot_id):
            return snapshots.create(
                self.daemon.store,
                self._record(host_id),
                name,
                self.daemon.context.clock,
                progress,
                snapshot_id=snapshot_id,
                agent=agent,
            )

    def snapshot_list(self, host_id: str = "") -> SnapshotListing:
        from mngr.containers import snapshots

        stored = self.daemon.store.read()
        shown = [
            one for one in snapshots.of(stored, host_id) if not one.laptop or self.daemon.is_mine(one.laptop)
        ]
        return SnapshotListing(snapshots=shown, errors=snapshots.unread(stored, self.name))

    def snapshot_destroy(self, snapshot_id: str) -> None:
        from mngr.containers import snapshots

        snapshots.destroy(self.daemon.store, snapshot_id)

    def snapshot_export(self, snapshot_id: str, file: Path, progress: Progress) -> None:
        from mngr.containers import snapshots

        snapshots.export(self.daemon.store, snapshot_id, file, progress)

    def _record(self, host_id: str) -> HostRecord:
        """The host's record; one that is gone with the state volume is written anew. Raises NotFound, MngrError."""
        stored = self.daemon.store.read()
        if host_id in stored.hosts:
            return stored.hosts[host_id]
        problem = stored.problems.get(f"{host_id}.json")
        if problem:
            raise MngrError(f"{problem.what}: {problem.error}", hint=problem.hint)
        from mngr.backends.docker import lost

        with self.daemon.hold(host_id):
            record = lost.restore(self.daemon, host_id)
        if record is not None:
            self._lost.discard(host_id)
            return record
        raise NotFound(f"there is no host {host_id} on {self.name}", hint="`mngr list` shows what there is")
