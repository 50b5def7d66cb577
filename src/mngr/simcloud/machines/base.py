"""What a cloud asks of its machines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from mngr.qemu.command import Size
from mngr.simcloud.clock import Stop
from mngr.simcloud.machines.addresses import Addresses
from mngr.simcloud.machines.inside import Inside
from mngr.simcloud.tls import Tls

PowerChanged = Callable[[str, bool], None]
"""Told (machine id, running) when a machine went off or came on by itself."""


@dataclass(frozen=True)
class MachineSpec:
    """A machine to boot. `image` is `stock` or `baked`; `disk` the id of a snapshot to start from instead."""

    id: str
    hostname: str
    image: str = "stock"
    """Also a name out of `Options.images`."""
    disk: str | None = None
    user_data: bytes = b""
    ssh_keys: tuple[str, ...] = ()
    address: str = ""
    """The one to have again, for a machine that is made anew."""
    root_password: str = ""
    user: str = ""
    """Whom the keys let in; "": the image's own user."""
    refuse_key: bool = False
    """Answer SSH with another host key than the one its user data brings."""
    size: Size | None = None
    """What the plan sells; a machine has no more than this computer has. None: as the machines come."""
    cloud_init_fail: str = ""
    """`network`: no name resolves at first boot; `docker`: its daemon can't start; `user_data`: cut short."""


class Unavailable(Exception):
    """These machines can't be had here; the message says why and what to do."""


class Machines(Protocol):
    """Real machines, or what stands in for them. Every wait in here has a limit.

    Each call is made from a job: one at a time for one machine, several machines at once.
    """

    real: bool
    addresses: Addresses
    """Those that machines get; one that is reserved there is its machine's to be."""

    def boot(self, spec: MachineSpec, stop: Stop) -> str:
        """Start a machine that doesn't exist yet; its address, once it is powered on."""
        ...

    def ready(self, id: str, stop: Stop) -> bool:
        """Wait until it takes SSH; False if it hasn't within the limit."""
        ...

    def halt(self, id: str) -> None: ...

    def start(self, id: str) -> None: ...

    def reboot(self, id: str) -> None: ...

    def destroy(self, id: str) -> None:
        """Remove it with its disk. May be repeated."""
        ...

    def save_disk(self, id: str, disk: str) -> int:
        """Copy its disk to a snapshot; bytes."""
        ...

    def drop_disk(self, disk: str) -> None:
        """Remove a snapshot. May be repeated."""
        ...

    def close(self) -> None:
        """Remove everything that is left of this run."""
        ...


@dataclass
class Options:
    """How to make the machines of one simcloud process."""

    run: str
    ports: tuple[int, ...] = (22, 2222)
    command: str | None = None
    stock_has_docker: bool = False
    images: dict[str, str] = field(default_factory=dict)
    """A vendor's own machine images: name to tag in the local Docker daemon."""
    power_changed: PowerChanged = field(default=lambda id, running: None)
    tls: Tls | None = None
    """The certificate that this cloud's servers have."""
    inside: Inside | None = None
    """What a vendor has answer within each machine's own network."""
