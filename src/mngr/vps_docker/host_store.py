"""Host records on the machine: a state container with a named volume, both called `mngr-state-<instance>`.

    /state/hosts/<host id>.json                      the host record
    /state/hosts/<host id>/agents/<agent id>.json    its agents' records, so that a stopped host still lists them
    /state/snapshots/…                               see snapshots.py

Writes are atomic (a temporary file, fsync, rename) and made under a lock; everything is read in one round trip.
"""

import msgspec

from mngr.model.records import AgentRecord, HostRecord
from mngr.model.views import Problem
from mngr.vps_docker.docker_over_ssh import DockerOverSsh


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """A host's container as the daemon shows it.

    `state`: created, running, paused, restarting, exited, dead. `exit_code`: of an exited one. `reason`: what
    its `stop/reason` says (exited ones only). `set_up`: whether its sshd was ever set up.
    """

    host_id: str
    name: str
    state: str
    exit_code: int | None = None
    image: str = ""
    labels: dict[str, str] = {}
    created_at: str = ""
    reason: str = ""


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """All that the store holds. A record that can't be read is in `problems` (with its host id), never dropped."""

    hosts: dict[str, HostRecord] = {}
    agents: dict[str, list[AgentRecord]] = {}
    problems: dict[str, Problem] = {}


class Survey(msgspec.Struct, frozen=True, kw_only=True):
    """One look at a machine: the containers and volumes with our labels (by host id), and the store."""

    containers: dict[str, Seen] = {}
    volumes: dict[str, dict[str, str]] = {}
    stored: Stored = Stored()


class VpsDockerHostStore:
    """The store of provider instance `instance` on the machine that `docker` leads to."""

    def __init__(self, docker: DockerOverSsh, instance: str) -> None:
        self.docker = docker
        self.instance = instance
        self.name = f"mngr-state-{instance}"

    def ensure(self, image: str) -> None:
        """Makes the state container from `image` (any with sh; it must be on the machine) unless it runs. Repeatable.

        `container.create` with `store=` does the same on the way.
        """
        raise NotImplementedError

    def save(self, record: HostRecord) -> None:
        """Writes a host record; when this returns it is durable. Raises Unreachable, NotFound (no state container)."""
        raise NotImplementedError

    def save_agent(self, host_id: str, record: AgentRecord) -> None:
        raise NotImplementedError

    def remove_agent(self, host_id: str, agent_id: str) -> None:
        """Gone already is success."""
        raise NotImplementedError

    def remove(self, host_id: str) -> None:
        """The host's record and its agents'. Gone already (the state container, too) is success."""
        raise NotImplementedError

    def read(self) -> Stored:
        """Everything, in one round trip. No state container: empty. No daemon, or one that can't be read: Unreachable."""
        return self.survey().stored

    def survey(self, *, timeout: float = 30) -> Survey:
        """Containers, volumes, stop reasons and the store, in one round trip. Raises Unreachable, TimedOut."""
        raise NotImplementedError
