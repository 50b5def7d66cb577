"""Waiting for a rented machine: until its cloud shows it running, until root's login works there, and until Docker is up."""

from typing import Literal

from mngr.containers.docker import Docker
from mngr.model.errors import TimedOut, Unreachable
from mngr.model.waiting import looks
from mngr.transport.ssh import HostKeyMismatch, KeyRefused, Ssh
from mngr.vps_docker.errors import VpsBootTimeout, VpsProvisioningError
from mngr.vps_docker.rented import Rented
from mngr.vps_docker.vps_client import Machine


def running(rented: Rented, found: Machine, name: str, since: Literal["order", "start"]) -> Machine:
    """The machine, once the cloud shows it running, with an address. Raises VpsProvisioningError, VpsBootTimeout."""
    limit = rented.config.vps_boot_timeout
    for _ in looks(rented.context.clock, limit, most=2):
        if found.address and found.state == "running":
            return found
        if found.state in ("failed", "gone"):
            raise VpsProvisioningError(
                f"{rented.title} says that machine {found.id} ({name}) is {found.state}",
                hint="run the command again; if it stays so, try another region or plan",
            )
        found = rented.cloud.get(found.id)
    raise VpsBootTimeout(
        f"machine {found.id} ({name}) isn't up {limit:g} s after its {since}: "
        f"{rented.title} shows it as {found.state}, address {found.address or 'none'}",
        hint="raise vps_boot_timeout in the provider's config, or try another region",
    )


def log_in(rented: Rented, ssh: Ssh, what: str, *, strange_s: float = 0) -> None:
    """Waits for a whole login, the host key checked. A banner isn't enough: sshd restarts meanwhile.

    `strange_s`: for so long the machine may show another host key, or not know ours; then that is raised
    (HostKeyMismatch, KeyRefused). Raises VpsBootTimeout, saying why the last login didn't work.
    """
    clock, limit = rented.context.clock, rented.config.vps_boot_timeout
    why = ""
    strange_since: float | None = None
    for _ in looks(clock, limit):
        try:
            ssh.run(["true"], timeout=30)
            return
        except (HostKeyMismatch, KeyRefused) as error:
            why = error.message
            strange_since = clock.monotonic() if strange_since is None else strange_since
            if clock.monotonic() - strange_since >= strange_s:
                raise
        except (Unreachable, TimedOut) as error:
            strange_since, why = None, error.message
    raise VpsBootTimeout(
        f"no SSH login on {what} at {ssh.target.address} within {limit:g} s: {why}",
        hint="look at its console at the cloud; raise vps_boot_timeout in the provider's config if it is only slow",
    )


def docker_up(rented: Rented, docker: Docker, what: str) -> None:
    """Waits for the daemon of a machine that was started: sshd is up before it. Raises VpsBootTimeout, CommandFailed."""
    clock, limit = rented.context.clock, rented.config.vps_boot_timeout
    why = ""
    for _ in looks(clock, limit):
        try:
            docker.run("version", timeout=30)
            return
        except (Unreachable, TimedOut) as error:
            why = error.message
    raise VpsBootTimeout(
        f"Docker doesn't answer on {what} at {docker.place} {limit:g} s after its start: {why}",
        hint="see `journalctl -u docker` there; raise vps_boot_timeout in the provider's config if it is only slow",
    )
