"""Hosts in Docker containers on rented machines: one HostProvider, over any cloud.

A new cloud is a class that implements `vps_client.VpsClientInterface`, and a Backend whose `build` makes a
VpsDockerProvider over it. Subclasses may override `option_names` and `machine_spec` (what `-b --vps-…` means), and
`_discover_host_records` and `_find_host_record` where the cloud has a better way than its list to find hosts.

What only one verb needs is imported in its method: a `list` that finds no host is to cost little.
"""

import contextlib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from msgspec.structs import replace

from mngr.containers.access import Access
from mngr.model.errors import Conflict, InvalidInput, MngrError, NotFound, Unreachable
from mngr.model.names import check_name
from mngr.model.notes import Remark
from mngr.model.progress import Progress, Step
from mngr.model.records import AgentRecord, HostRecord
from mngr.model.views import HostView, Listing, Offer
from mngr.model.waiting import looks
from mngr.providers.contract import Abilities, Context, HostSpec, Snapshot, SnapshotListing, Swept
from mngr.transport.base import Transport
from mngr.vps_docker import discovery, off_hours, tags, views
from mngr.vps_docker.cache import Remembered
from mngr.vps_docker.config import VpsDockerProviderConfig
from mngr.vps_docker.errors import BeingBuilt
from mngr.vps_docker.rented import Rented
from mngr.vps_docker.vps_client import Machine, MachineSpec, VpsClientInterface

if TYPE_CHECKING:
    from mngr.containers.store import HostStore
    from mngr.vps_docker.building import Wanted

C = TypeVar("C", bound=VpsClientInterface)
K = TypeVar("K", bound=VpsDockerProviderConfig)


class VpsDockerProvider(Generic[C, K]):
    """One provider instance. `title`: the cloud's name for people."""

    #: The provider's own build arguments: prefix → names, as in `-b --vps-plan=…`.
    option_names: Mapping[str, Collection[str]] = {"vps": ("region", "plan", "os")}
    #: Those of the names that take no value.
    option_switches: Collection[str] = ()

    def __init__(self, cloud: C, config: K, context: Context, *, backend: str, title: str) -> None:
        if not cloud.caps.user_data and type(cloud).bootstrap is VpsClientInterface.bootstrap:
            raise TypeError(f"{type(cloud).__name__} takes no user data, so it needs a method bootstrap")
        boots = ["default_os_id"] if type(self).machine_spec is VpsDockerProvider.machine_spec else []
        if missing := type(config).unset("default_region", "default_plan", *boots):
            raise TypeError(
                f"{type(config).__name__} sets no {', '.join(missing)} of its own; the base's are Vultr's"
            )
        self.name = context.instance
        self.backend = backend
        self.cloud = cloud
        self.config = config
        self.host_dir = config.host_dir
        from mngr.journal import Journal

        self.rented = Rented(
            name=self.name, backend=backend, title=title, cloud=cloud, config=config, context=context,
            access=Access(context.folder(backend), cloud.ssh_port), journal=Journal(context.home / "journal"),
        )  # fmt: skip
        self.abilities = Abilities(
            stops_itself=True, stop_saves=self.rented.stop_saves, isolated=True,
            ssh_trust=cloud.caps.ssh_trust,
        )  # fmt: skip

    # --- what a subclass may say otherwise --------------------------------------------------------------------

    def machine_spec(self, spec: HostSpec, options: Mapping[str, str]) -> MachineSpec:
        """The machine for a host. `options`: the build arguments of `option_names`, by plain name (`plan`)."""
        return MachineSpec(
            host_id=spec.id,
            name=tags.machine_name(self.name, spec.name, spec.id),
            plan=options.get("plan", self.config.default_plan),
            region=options.get("region", self.config.default_region),
            image=options.get("os", self.config.boot_image),
        )

    def _discover_host_records(self, only: Collection[str] | None) -> Listing:
        """All hosts, or those whose name or id is in `only`, with whatever couldn't be read."""
        return discovery.discover(self.rented, only)

    def _find_host_record(self, host_id: str) -> Machine:
        """The machine of a host. Raises NotFound only if the cloud said so; Unreadable."""
        return discovery.find_machine(self.rented, host_id)

    # --- making -----------------------------------------------------------------------------------------------

    def check(self, spec: HostSpec) -> Offer:
        wanted = self._wanted(spec).machine
        try:
            offer = self.cloud.check(wanted)
            priced = offer.per_hour is not None or offer.per_month is not None or offer.due_now > 0
            return offer if priced else replace(offer, unpriced=True)
        finally:
            self.rented.cache.put_plans(self.cloud.plans)

    def _wanted(self, spec: HostSpec, offer: Offer | None = None) -> "Wanted":
        """The spec over the defaults, checked as far as that needs nobody else. Raises InvalidInput."""
        from mngr.containers import snapshots
        from mngr.containers.asked import asked
        from mngr.vps_docker.building import Wanted

        check_name(spec.name, "host name")
        if spec.snapshot and not snapshots.is_file(spec.snapshot):
            raise InvalidInput(f"{spec.snapshot} lives on another machine", hint="export it to a file first")
        its = asked(spec, self.config, self.option_names, option_switches=self.option_switches, remote=True)
        machine = self.machine_spec(spec, its.build.options)
        return Wanted(spec=spec, machine=machine, asked=its, offer=offer or Offer())

    def create(self, spec: HostSpec, offer: Offer, progress: Progress) -> HostRecord:
        from mngr.vps_docker import creating

        return creating.create(self.rented, self._wanted(spec, offer), progress)

    # --- looking ----------------------------------------------------------------------------------------------

    def discover(self, only: Collection[str] | None = None) -> Listing:
        return self._discover_host_records(only)

    def view(self, host_id: str) -> HostView:
        machine = self._find_host_record(host_id)
        return discovery.look(self.rented, machine, self.rented.entries())

    def transport(self, record: HostRecord) -> Transport:
        self.rented.access.pin_container(record.id, record.address, record.ssh_port, record.host_key)
        return self.rented.access.container(record.id, record.address, record.ssh_port, record.ssh_user)

    def boot_log(self, host_id: str) -> str:
        """The end of what the machine's first boot wrote, asked over SSH."""
        from mngr.vps_docker import boot_logs

        return boot_logs.fetch(discovery.reach(self.rented, self._find_host_record(host_id)))

    def kept_boot_log(self, host_name: str) -> str:
        from mngr.vps_docker import boot_logs

        return boot_logs.kept(self.rented, host_name)

    def read_files(self, host_id: str, paths: Sequence[str]) -> dict[str, bytes]:
        from mngr.containers import files

        return files.read(self._store(host_id).docker, host_id, paths)

    # --- stopping and starting --------------------------------------------------------------------------------

    def stop(self, host_id: str, progress: Progress) -> None:
        from mngr.containers import container

        try:
            found = self._ready(host_id)
            if found.state not in ("stopped", "halted"):
                progress(Step("container"))
                container.stop(discovery.store_on(self.rented, found).docker, host_id)
            if self.cloud.caps.stop_saves:
                progress(Step("machine"))
                self.cloud.power(found.id, False)
        except MngrError as error:
            seen = self.rented.cache.get(host_id)
            free = seen is not None and seen.record.price_per_hour == 0
            if self.cloud.caps.stop_saves and not free and not isinstance(error, NotFound):
                billed = f"{self.rented.title} bills its machine on until a `mngr stop` has succeeded"
                error.hint = f"{error.hint}; {billed}" if error.hint else billed
            raise

    def start(self, host_id: str, progress: Progress) -> HostRecord:
        from mngr.containers import container, login
        from mngr.containers.docker import Docker
        from mngr.containers.store import HostStore
        from mngr.vps_docker import booting, guard, lost_machine

        found = self._ready(host_id)
        for _ in looks(self.rented.context.clock, self.config.vps_boot_timeout, most=5):
            if found.state != "pending":  # being deallocated, it seems up for a while yet
                break
            found = self.cloud.get(found.id)
        if found.state in ("stopped", "halted"):
            progress(Step("machine"))
            if found.state == "stopped":
                off_hours.note(self.rented, found)
            self.cloud.power(found.id, True)
            found = self.cloud.get(found.id)
        progress(Step("boot"))
        found = booting.running(self.rented, found, views.name_of(found), "start")
        ssh = discovery.reach(self.rented, found)
        booting.log_in(self.rented, ssh, f"machine {found.id}")
        docker = Docker(ssh)
        booting.docker_up(self.rented, docker, f"machine {found.id}")
        store = HostStore(docker, self.name)
        record = lost_machine.record(self.rented, store, found)
        if self.rented.keeps_agents and (found.agents is None or found.agents_shortened):
            with contextlib.suppress(MngrError):  # the host is well without; the next start tries again
                self.cloud.keep_agents(found.id, [], [], lambda: self._all_agents(host_id))
        progress(Step("container"))
        lifetime = record.idle.max_lifetime_s
        ends_at = self.cloud.now() + lifetime if lifetime else None
        why = guard.before_start(ssh, ends_at)
        self.rented.cache.change(host_id, lambda one: replace(one, ends_at=ends_at))
        if why:
            progress(Remark(text=f"it had stopped itself: {why}", warns=False))
        container.start(docker, host_id)
        if record.address != found.address:
            record = replace(record, address=found.address)
            store.save(record)
        progress(Step("ssh"))
        login.wait_for_login(
            self.transport(record), timeout=self.config.ssh_connect_timeout, clock=self.rented.context.clock,
            docker=docker, host_id=host_id,
        )  # fmt: skip
        return record

    # --- destroying -------------------------------------------------------------------------------------------

    def destroy(self, host_id: str, progress: Progress) -> None:
        from mngr.vps_docker import destroying

        destroying.destroy(self.rented, host_id, self._find_host_record, progress)

    def forget(self, host_id: str) -> str:
        from mngr.vps_docker import sweeping

        return sweeping.forget_foreign(self.rented, host_id)

    # --- agents' records, sweep -------------------------------------------------------------------------------

    def agent_saved(self, host_id: str, record: AgentRecord) -> None:
        from mngr.vps_docker import lost_machine

        store = self._store(host_id)
        try:
            store.save_agent(host_id, record)
        except NotFound:
            lost_machine.record(self.rented, store, self._ready(host_id))
            store.save_agent(host_id, record)
        self._keep_agents(host_id, [record], [])
        self._remember_agent(host_id, record.id, [record])

    def agent_removed(self, host_id: str, agent_id: str) -> None:
        self._store(host_id).remove_agent(host_id, agent_id)
        self._keep_agents(host_id, [], [agent_id])
        self._remember_agent(host_id, agent_id, [])

    def _remember_agent(self, host_id: str, agent_id: str, now: list[AgentRecord]) -> None:
        def change(seen: Remembered) -> Remembered:
            return replace(seen, agents=[*(one for one in seen.agents if one.id != agent_id), *now])

        self.rented.cache.change(host_id, change)

    def sweep(self, *, dry_run: bool = False) -> Swept:
        from mngr.vps_docker import sweeping

        return sweeping.sweep(self.rented, dry_run)

    # --- snapshots --------------------------------------------------------------------------------------------

    def snapshot_create(self, host_id: str, name: str, progress: Progress, *, agent: str = "") -> Snapshot:
        from mngr.vps_docker import machine_snapshots

        return machine_snapshots.take(self.rented, self._ready(host_id), name, progress, agent=agent)

    def snapshot_list(self, host_id: str = "") -> SnapshotListing:
        from mngr.vps_docker import machine_snapshots

        return machine_snapshots.list_(self.rented, host_id)

    def snapshot_destroy(self, snapshot_id: str) -> None:
        from mngr.containers import snapshots
        from mngr.vps_docker import machine_snapshots

        snapshots.destroy(machine_snapshots.keeper(self.rented, snapshot_id), snapshot_id)

    def snapshot_export(self, snapshot_id: str, file: Path, progress: Progress) -> None:
        from mngr.containers import snapshots
        from mngr.vps_docker import machine_snapshots

        snapshots.export(machine_snapshots.keeper(self.rented, snapshot_id), snapshot_id, file, progress)

    # --- small things -----------------------------------------------------------------------------------------

    def _ready(self, host_id: str) -> Machine:
        """The machine of a host that was made to its end. Raises NotFound, BeingBuilt."""
        found = self._find_host_record(host_id)
        owner = found.owner
        if not owner.ready:
            raise BeingBuilt(
                f"host {owner.host_name or host_id} isn't finished",
                hint="wait for its create; if that was killed, `mngr gc` releases the machine",
            )
        if found.state == "expired":
            raise Conflict(f"host {owner.host_name or host_id}: {views.unpaid(self.rented, found)}")
        return found

    def _store(self, host_id: str) -> "HostStore":
        """The store on a host's machine, by what is remembered of it, so that the cloud needn't be asked."""
        from mngr.containers.docker import Docker
        from mngr.containers.store import HostStore

        remembered, access = self.rented.cache.get(host_id), self.rented.access
        if remembered is None or not access.machine_pins(host_id):
            return discovery.store_on(self.rented, self._find_host_record(host_id))
        return HostStore(Docker(access.machine(host_id, remembered.record.address)), self.name)

    def _keep_agents(self, host_id: str, put: Sequence[AgentRecord], drop: Sequence[str]) -> None:
        if self.rented.keeps_agents:
            seen = self.rented.cache.get(host_id)
            machine_id = seen.record.machine_id if seen else self._find_host_record(host_id).id
            self.cloud.keep_agents(machine_id, put, drop, lambda: self._all_agents(host_id))

    def _all_agents(self, host_id: str) -> Sequence[AgentRecord]:
        """As the host's own store has them. Raises MngrError, also if that can't be read whole."""
        stored = self._store(host_id).survey(host_id, probe=False).stored
        if host_id not in stored.hosts or any(key.startswith(f"{host_id}/") for key in stored.problems):
            raise Unreachable(f"not all records of the agents of host {host_id} can be read")
        return stored.agents.get(host_id, [])
