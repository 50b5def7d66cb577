"""The contract between mngr and those that give it hosts: `HostProvider` is what ops talk to.

Clouds that rent machines have one of their own, `vps_docker.vps_client.VpsClientInterface`;
`vps_docker.VpsDockerProvider` is the HostProvider over any of them. All calls are synchronous, may be made from
several threads, and wait only within limits.
"""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import msgspec

from mngr.model.clock import SYSTEM, Clock
from mngr.model.progress import Progress
from mngr.model.records import AgentRecord, HostRecord, Idle, SshTrust
from mngr.model.swept import Swept
from mngr.model.views import HostView, Listing, Offer, Problem, StopSaves
from mngr.transport.base import Transport


class IdleRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What the user said of idling; None leaves the provider's default."""

    mode: str | None = None
    timeout_s: float | None = None
    max_lifetime_s: float | None = None

    def over(self, default: Idle) -> Idle:
        """The settings of a host: what was asked for over the defaults."""
        said = {key: value for key, value in msgspec.structs.asdict(self).items() if value is not None}
        return msgspec.structs.replace(default, **said)


class HostSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A host as asked for.

    `user`: whom its agents run as, in its container: `image` (as the image says), a name or number that the image has;
    "" is the provider's default, which is root unless set. `build_args` and `start_args` are the user's, in order and
    unread. `agent`: the one that it is made for; its record is kept as `agent_saved` would, in the same write as the
    host's. `agent_files`: what `agents.tmux.agent_files` made for it, for a provider that `starts_agents`;
    `agent_begun` is called there with how its start went. `resumed`: something of the
    host is there already, and may hold agents.
    """

    id: str
    name: str
    image: str = ""
    user: str = ""
    build_args: Sequence[str] = ()
    start_args: Sequence[str] = ()
    idle: IdleRequest | None = None
    snapshot: str = ""
    labels: dict[str, str] = {}
    agent: AgentRecord | None = None
    agent_files: dict[str, bytes] = {}
    agent_begun: Callable[[Any], object] | None = None  # with an agents.tmux.Begun
    resumed: bool = False


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """What a backend is given to build a provider instance: its name, where it may keep files, time, who we are."""

    instance: str
    home: Path
    laptop: str
    clock: Clock = SYSTEM

    def folder(self, backend: str) -> Path:
        """Keys, pins and markers of this instance: `<home>/profile/providers/<backend>/<instance>`."""
        return self.home / "profile" / "providers" / backend / self.instance


class Abilities(msgspec.Struct, frozen=True, kw_only=True):
    """What differs between hosts of different providers, for ops and for the user to read.

    `stops_itself`: idle and lifetime limits work. `stop_saves`: what a stop stops paying for; None where
    nothing is paid. `restores_by_id`: snapshots outlive their host and restore by id; elsewhere
    they live on the host's machine, and `HostSpec.snapshot` is always a file. `isolated`: the host is apart from this computer, so code must be sent.
    `starts_agents`: `create` starts the agent that it is given, too; elsewhere the caller does. `ssh_trust`: of a new
    host (HostRecord.ssh_trust). `sends_unverified`: the settings let secrets go to hosts that nobody has verified;
    `trust_page`: the page that says what that risks.
    """

    stops_itself: bool = True
    stop_saves: StopSaves | None = None
    isolated: bool = True
    restores_by_id: bool = False
    starts_agents: bool = False
    ssh_trust: SshTrust = "pinned"
    sends_unverified: bool = False
    trust_page: str = ""


class HostProvider(Protocol):
    """Hosts of one provider instance. Every method may be repeated after being killed at any point.

    `host_dir`: where a new host keeps its own and its agents' files, on the host.
    """

    name: str
    backend: str
    host_dir: str
    abilities: Abilities

    def check(self, spec: HostSpec) -> Offer:
        """Validates everything that can be known before money is spent; names the valid choices on a mistake."""
        ...

    def create(self, spec: HostSpec, offer: Offer, progress: Progress) -> HostRecord:
        """Makes the host `spec.id`, or goes on making it. When it returns, the host is durable and reachable.

        `offer`: what `check` answered. Neither limits nor prices are asked for again; `spec` may differ from the one that
        was checked in id, agent, and the file that a snapshot's id stood for.

        Raises Conflict if another process or laptop is making it.

        Raises with nothing left behind, or with what is left named in the message and kept for the sweep.
        """
        ...

    def discover(self, only: Collection[str] | None = None) -> Listing:
        """All hosts with their agents, or only those whose name or id is in `only`; each machine is asked in
        parallel within a limit. Half-made hosts are among them (`building`, `failed`). Never raises Unreachable:
        what can't be read is an error row or a host in state `unreachable`."""
        ...

    def view(self, host_id: str) -> HostView:
        """One host as it is now. Raises NotFound only if its keeper said so."""
        ...

    def transport(self, record: HostRecord) -> Transport:
        """Where the host's agents run (inside the container)."""
        ...

    def stop(self, host_id: str, progress: Progress) -> None: ...

    def start(self, host_id: str, progress: Progress) -> HostRecord:
        """Brings the host up, reachable. The record may have a new address."""
        ...

    def destroy(self, host_id: str, progress: Progress) -> None:
        """Removes everything create made, wherever it stopped. A host that is gone already is success.

        Raises NotWiped when it is destroyed and its bill ended, but its files are still on a machine that lives on.
        """
        ...

    def agent_saved(self, host_id: str, record: AgentRecord) -> None:
        """Told before an agent is put on a host that is there: keeps its record where a stopped host's agents are
        listed from. Repeatable."""
        ...

    def agent_removed(self, host_id: str, agent_id: str) -> None: ...

    def sweep(self, *, dry_run: bool = False) -> Swept:
        """Sets right what intents, the cloud and records disagree on; touches no host with agents."""
        ...


@runtime_checkable
class HostSnapshots(Protocol):
    """Optional: a host's image and volume, saved together."""

    def snapshot_create(self, host_id: str, name: str, progress: Progress, *, agent: str = "") -> "Snapshot":
        """`agent`: the name of the one that was asked for."""
        ...

    def snapshot_list(self, host_id: str = "") -> "SnapshotListing":
        """All, or those of one host, oldest first. A machine that can't be read is an error row; raises Unreadable
        only if nothing can be known."""
        ...

    def snapshot_destroy(self, snapshot_id: str) -> None: ...
    def snapshot_export(self, snapshot_id: str, file: Path, progress: Progress) -> None:
        """Writes image and volume into one file that `HostSpec.snapshot` takes, on any provider."""
        ...


@runtime_checkable
class Forgets(Protocol):
    """Optional, where a host can be another account's than the one whose credentials are at hand."""

    def forget(self, host_id: str) -> str:
        """Drops all that is kept here of such a host, which may go on being billed there; its name. Raises Conflict if it
        is this account's."""
        ...


@runtime_checkable
class BootLogs(Protocol):
    """Optional: the boot log of a host's machine."""

    def boot_log(self, host_id: str) -> str:
        """The log's end, as text; also of a machine that didn't come up, as far as it can be had. Raises Unreachable,
        TimedOut, NotFound."""
        ...

    def kept_boot_log(self, host_name: str) -> str:
        """What was kept when the newest create of that name failed and its machine was released; "" if nothing was."""
        ...


@runtime_checkable
class HostFiles(Protocol):
    """Optional: files of a host that is down."""

    def read_files(self, host_id: str, paths: Sequence[str]) -> dict[str, bytes]:
        """What is in those of `paths`, absolute ones on the host, that are there. Raises NotFound, Unreachable, TimedOut."""
        ...


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """`volumes`: where docker volumes beside the host's own were mounted, whose files are in it. `left_out`: what was
    mounted there and isn't in it, in words, by its place. `user`, `host_dir`: HostRecord's. `laptop`: the builder of its
    host ("": made before that was kept). `agent`: whom it was taken of, if it was one."""

    id: str
    name: str
    host_id: str
    host_name: str
    provider: str
    created_at: str
    size_bytes: int | None = None
    user: str = ""
    volumes: list[str] = []
    left_out: dict[str, str] = {}
    host_dir: str = ""
    laptop: str = ""
    agent: str = ""


class SnapshotListing(msgspec.Struct, frozen=True, kw_only=True):
    """Snapshots, and a row for each place that may hold others and couldn't be read."""

    snapshots: list[Snapshot] = []
    errors: list[Problem] = []


class Backend(Protocol):
    """What a backend's package offers as `BACKEND`, or returns from pluggy's hook `register_provider_backend`."""

    name: str
    config_type: type[Any]

    def build(self, config: Any, context: Context) -> HostProvider:
        """A provider instance. Reads no network; missing credentials raise InvalidInput saying where they go."""
        ...

    # A backend that keeps notes of things that cost money (open orders) in its folder also has
    #     def leftovers(self, context: Context) -> bool
    # which says whether there are any. It works without credentials: `registry.has_leftovers` asks it.


#: The contract of a backend by the name that authors of provider packages know it by.
ProviderBackendInterface = Backend
