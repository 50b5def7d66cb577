"""What all parts of the docker provider share: its daemon and store, its settings, its keys and ports, its locks."""

from typing import TYPE_CHECKING

from mngr.backends.docker import DockerConfig
from mngr.backends.docker.ports import Ports
from mngr.containers.access import Access
from mngr.containers.docker import Docker
from mngr.containers.store import HostStore
from mngr.journal.store import Held, Journal
from mngr.model.errors import Conflict, MngrError
from mngr.model.records import HostRecord
from mngr.providers.contract import Context
from mngr.transport.local import Local
from mngr.transport.ssh import Ssh

if TYPE_CHECKING:
    from mngr.containers.survey import Seen, Survey, Volume


class Daemon:
    backend = "docker"

    def __init__(self, config: DockerConfig, context: Context) -> None:
        self.config = config
        self.context = context
        self.name = context.instance
        self.docker = Docker(Local(), host=config.docker_host)
        self.store = HostStore(self.docker, self.name)
        self.access = Access(context.folder(self.backend))
        self.ports = Ports(context.folder(self.backend) / "ports")
        config.idle()  # an unknown mode is said before anything is asked

    def is_mine(self, laptop: str) -> bool:
        """Whether this MNGR_HOME shows a host that `laptop` has made, and its snapshots."""
        return self.config.every_laptop or laptop == self.context.laptop

    def ssh(self, record: HostRecord) -> Ssh:
        return self.access.container(record.id, record.address, record.ssh_port)

    def hold(self, host_id: str) -> Held:
        """The lock of whoever makes or removes the host (or snapshot). Raises Conflict if another process has it."""
        return Journal(self.context.home / "journal").hold(self.name, host_id)

    def is_held(self, host_id: str) -> bool:
        """Whether a process on this computer is making or removing the host at this moment."""
        try:
            with self.hold(host_id):
                return False
        except Conflict:
            return True

    def remove(self, host_id: str, *, unfinished: bool = False) -> None:
        """Container, volume, image, records, port and pins. Repeatable.

        `unfinished`: only of a host without a record; raises Conflict if it has got one by now.
        """
        from mngr.containers import container

        container.remove(self.docker, host_id, store=self.store.name, unfinished=unfinished)
        self.ports.free(host_id)
        self.access.forget(host_id)

    def agents_on(self, seen: "Seen | Volume") -> list[str]:
        """The ids of the agents that a container or volume holds. Raises MngrError where that can't be told."""
        from mngr.containers import image
        from mngr.containers.survey import Seen

        host_dir = seen.host_dir if isinstance(seen, Seen) else self.config.host_dir
        image_name = seen.image if isinstance(seen, Seen) else self.config.default_image
        done = self.docker.script("host-agents", seen.name, host_dir, image_name, timeout=60, check=False)
        if done.code == 3:
            return []
        if done.code:
            raise MngrError(image.last_line(done))
        return done.text.split()


def is_unfinished(host_id: str, survey: "Survey") -> bool:
    """Whether a container or volume has no record, not even an unreadable one."""
    stored = survey.stored
    return (
        host_id not in stored.hosts
        and host_id not in stored.going
        and f"{host_id}.json" not in stored.problems
    )
