"""Host records on the machine: a state container with a named volume, both called `mngr-state-<instance>`.

    /state/hosts/<host id>.json                      the host record (.gone: its destroy was begun; empty: of one without)
    /state/hosts/<host id>/agents/<agent id>.json    its agents' records, so that a stopped host still lists them
    /state/snapshots/<snapshot id>.json, /state/blobs/<snapshot id>.tar   see snapshots.py

Writes are atomic (a temporary file, fsync, rename) and made under a lock; everything is read in one round trip. The
container ends a moment after the last host's record went (store-ensure.sh): a write starts it, a look reads the volume
without it.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mngr.containers.docker import Docker
from mngr.model.clock import SYSTEM
from mngr.model.errors import Conflict, MngrError, NotFound, Unreachable
from mngr.model.records import AgentRecord, HostRecord, encode
from mngr.model.waiting import looks
from mngr.transport.base import CommandFailed, Completed

if TYPE_CHECKING:
    from mngr.containers.survey import Stored, Survey

#: So long at most it takes the daemon to see that the state container has ended.
END_S = 10.0


class HostStore:
    """The store of provider instance `instance` on the machine that `docker` leads to."""

    def __init__(self, docker: Docker, instance: str) -> None:
        self.docker = docker
        self.instance = instance
        self.name = f"mngr-state-{instance}"
        self.was_up = False  #: whether a survey of ours found the state container running

    def ensure(self, image: str) -> None:
        """Makes the state container from `image` (any with sh; it must be on the machine) unless it runs. Repeatable.

        Raises NotFound if the image isn't there. `save` calls it when it is needed.
        """
        done = self.docker.script("store-ensure", self.name, self.instance, image, timeout=120, check=False)
        if done.code == 10:
            raise NotFound(f"image {image} isn't on {self.docker.place}", hint="docker pull it there")
        if done.code:
            raise MngrError(
                f"the state container {self.name} on {self.docker.place} can't be made: {_last(done)}",
                details=done.error[-2000:],
            )

    def save(self, record: HostRecord, agent: AgentRecord | None = None) -> None:
        """Writes a host's record, and with it one agent's; when this returns they are durable. Makes the state
        container (from the host's own image) if it isn't there. Raises Conflict if the host was removed before;
        Unreachable, TimedOut, MngrError."""
        files = {f"hosts/{record.id}.json": encode(record)}
        if agent is not None:
            files[_agent_path(record.id, agent.id)] = encode(agent)
        done = self._put(files)
        if done.code and _is_down(done):
            self.ensure(record.image)
            done = self._put(files)
        self._check(done, f"the record of host {record.name}")

    def save_agent(self, host_id: str, record: AgentRecord) -> None:
        """As `save`. Raises NotFound if the host has no record."""
        done = self._put({_agent_path(host_id, record.id): encode(record)}, f"hosts/{host_id}.json")
        if done.code == 3 or (done.code and _is_down(done)):
            raise NotFound(f"host {host_id} has no record on {self.docker.place}: was it destroyed?")
        self._check(done, f"the record of agent {record.name}")

    def remove_agent(self, host_id: str, agent_id: str) -> None:
        """Gone already is success."""
        self.drop(_agent_path(host_id, agent_id))

    def put(self, path: str, content: bytes) -> None:
        """Writes /state/PATH, as `save`; the state container must be there."""
        self._check(self._put({path: content}), path)

    def drop(self, *paths: str) -> None:
        """Removes files or folders of the store. Gone already is success."""
        done = self._script("store-drop", *paths)
        if "No such container" not in done.error:
            self._check(done, ", ".join(paths))

    def read(self) -> "Stored":
        """Everything, in one round trip. No state container and no volume: empty. Raises Unreachable."""
        return self.survey(probe=False).stored

    def survey(
        self, only: str = "", *, probe: bool = True, volumes: bool = False, timeout: float = 40
    ) -> "Survey":
        """Containers, volumes, stop reasons, the store and (if `probe`) what goes on in running containers, in one
        round trip. `only`: names or ids of hosts, between spaces, to which the costlier parts are limited. `volumes`:
        the hosts' volumes too, which only a sweep needs.

        Raises Unreachable (a store or daemon that can't be read is never taken for an empty one), TimedOut.
        """
        from mngr.hosts import scripts

        done = self.docker.script(
            "survey",
            self.instance,
            self.name,
            only,
            scripts.text("probe") if probe else "",
            scripts.text("store-ensure"),
            "volumes" if volumes else "",
            # A list goes on without one that is slow; what changes something needs the answer.
            "5" if probe else "30",
            timeout=timeout,
            check=False,
        )
        if done.code:
            raise Unreachable(
                f"what docker on {self.docker.place} holds can't be read: {_last(done)}",
                hint=f"see `docker logs {self.name}` there",
            )
        from mngr.containers.survey import parse_survey

        survey = parse_survey(done.stdout, self.instance)
        self.was_up = survey.store_up
        return survey

    def _put(self, files: Mapping[str, bytes], needed: str = "") -> Completed:
        """Raises nothing for what the script says."""
        head = [needed, *(f"{len(content)} {path}" for path, content in files.items()), "", ""]
        return self._script("store-put", input="\n".join(head).encode() + b"".join(files.values()))

    def _script(self, name: str, *args: str, input: bytes = b"") -> Completed:
        """Runs the script in the state container, which is started if it is down."""
        from mngr.hosts import scripts

        argv = ("exec", "-i", self.name, "sh", "-c", scripts.text(name), name, *args)
        done = self.docker.run(*argv, input=input, check=False)
        # One that is ending may count as running for a moment yet: a start does nothing then.
        for _ in looks(SYSTEM, END_S):
            if not _never_ran(done):
                break
            self.docker.run("start", self.name)
            done = self.docker.run(*argv, input=input, check=False)
        return done

    def _check(self, done: Completed, what: str) -> None:
        if done.code == 4:
            raise Conflict(
                f"{what} can't be written: the host was removed by another mngr meanwhile",
                hint="run the command again",
            )
        if done.code:
            raise CommandFailed(
                f"{what} can't be written to {self.name} on {self.docker.place}: {_last(done)}",
                done,
                hint="is the disk full? The command may be run again",
            )


def _agent_path(host_id: str, agent_id: str) -> str:
    return f"hosts/{host_id}/agents/{agent_id}.json"


def _is_down(done: Completed) -> bool:
    return "No such container" in done.error


def _never_ran(done: Completed) -> bool:
    """Whether the container didn't run, or ended under the script: a script that fails by itself says at which step. Docker has
    many words for it: "is not running", "unable to upgrade to tcp, received 404", none at all with code 126 or 137."""
    return done.code != 0 and not done.step and not _is_down(done)


def _last(done: Completed) -> str:
    return done.why((done.error.splitlines() or [""])[-1])
