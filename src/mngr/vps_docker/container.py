"""The container that is a host: making it, stopping, starting, removing it.

Works over any DockerOverSsh: the daemon may be this computer's or a rented machine's. Everything may be repeated
after being killed at any point: a container that is there already is adopted and brought to its end.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec

from mngr.model.clock import SYSTEM, Clock
from mngr.model.records import Idle
from mngr.providers.contract import Progress
from mngr.transport.base import Transport
from mngr.vps_docker.build_args import BuildArgs
from mngr.vps_docker.docker_over_ssh import DockerOverSsh

#: How a container that runs into its limits ends itself; see scripts/entrypoint.sh and watch.sh.
HostStop = Literal["exit", "sentinel"]


class ContainerSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A container as asked for.

    `image`: used when `build` builds nothing; pulled if the daemon lacks it. `start_args`: the user's, for
    `docker run`. `publish`: where its sshd can be reached on the machine, `ADDRESS:PORT` or `PORT`.
    `public_key`: the one client key that may log in. `host_json`: the text of `<host dir>/host.json`.
    `labels`: beside those that name its owner. `host_stop`: see watch.sh. `max_lifetime_s`: a cap kept by the
    container's own process 1 (docker backend; on rented machines a timer of the machine does that: leave 0).
    `store`: the name of the state container to make in the same round trip, if it isn't there ("" for none).
    """

    host_id: str
    host_name: str
    provider: str
    laptop: str
    image: str
    public_key: str
    publish: str
    build: BuildArgs = BuildArgs()
    start_args: Sequence[str] = ()
    labels: dict[str, str] = {}
    host_dir: str = "/mngr"
    host_json: str = "{}"
    restart: str = "unless-stopped"
    idle: Idle = Idle()
    host_stop: HostStop = "sentinel"
    max_lifetime_s: float = 0
    store: str = ""


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """A container that is up: its sshd's host key (`ssh-ed25519 AAAA…`), and the image it was made from."""

    name: str
    host_key: str
    image: str


def name_of(host_id: str) -> str:
    """The name of a host's container, and of its volume."""
    return f"mngr-{host_id}"


def check(spec_start_args: Sequence[str], image: str) -> None:
    """Raises InvalidInput on start args or an image name that docker would refuse or that would break the host.

    Spends nothing and asks nobody: call it before anything is paid.
    """
    raise NotImplementedError


def create(docker: DockerOverSsh, spec: ContainerSpec, progress: Progress) -> Made:
    """Image, volume, container, packages, keys, sshd; returns when sshd is up inside. Repeatable by host id.

    Then pin `host_key` and call `wait_for_login`. Raises MngrError (with the end of a failing build's output),
    PortTaken, Unreachable, TimedOut. What it made stays for a repeat, or for `remove`.
    """
    raise NotImplementedError


def wait_for_login(transport: Transport, *, timeout: float, clock: Clock = SYSTEM) -> None:
    """Waits until a whole, pinned ssh login works. Raises TimedOut saying why the last one didn't; HostKeyMismatch at once."""
    raise NotImplementedError


def start(docker: DockerOverSsh, host_id: str, *, restart: str = "unless-stopped") -> None:
    """`docker start`, and the restart policy back on. Running already is success. Raises NotFound."""
    raise NotImplementedError


def stop(docker: DockerOverSsh, host_id: str) -> None:
    """`docker stop` for good: nothing but `start` brings it back. Stopped already is success. Raises NotFound."""
    raise NotImplementedError


def remove(docker: DockerOverSsh, host_id: str) -> None:
    """Container, volume and the image that was built for it. Gone already is success."""
    raise NotImplementedError
