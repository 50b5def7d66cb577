"""The first login to a host's container, and that after a start: waited for, with its sshd's host key pinned."""

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from mngr.containers import image as images
from mngr.containers.container import ContainerSpec, name_of
from mngr.containers.docker import Docker
from mngr.hosts import layout
from mngr.hosts.scripts import script
from mngr.model.clock import SYSTEM, Clock
from mngr.model.errors import MngrError, TimedOut, Unreachable
from mngr.model.records import AgentRecord
from mngr.model.waiting import looks
from mngr.transport.base import Transport

if TYPE_CHECKING:
    from mngr.agents.tmux import Begun

#: A container that is just up doesn't let anybody in for a moment: so long nobody asks whether it has ended.
YOUNG_S = 1.5


def first_login(
    transport: Transport,
    spec: ContainerSpec,
    *,
    timeout: float,
    clock: Clock = SYSTEM,
    docker: Docker | None = None,
    agent: AgentRecord | None = None,
    agent_files: dict[str, bytes] | None = None,
    after: Callable[[], object] | None = None,
    begun: Callable[["Begun"], object] | None = None,
) -> None:
    """Waits until a whole, pinned ssh login works, and brings the host's own files with it: host.json, idle.conf,
    the watcher. With `agent_files` it also brings and starts `agent`, once `after` has returned, and tells
    `begun` how that went. Repeatable.

    Raises TimedOut saying why the last login failed; HostKeyMismatch at once; with `docker`, MngrError as soon as the
    container has ended; what `after` and `agents.tmux.start` do."""
    facts = {"id": spec.host_id, "name": spec.host_name, "provider": spec.provider, "backend": spec.backend}
    files = {
        "host.json": msgspec.json.format(msgspec.json.encode(facts)),
        "idle.conf": layout.idle_conf(spec.idle, spec.host_stop),
    }
    if agent and agent_files:
        from mngr.agents import tmux

        place = tmux.Place(transport=transport, host_dir=spec.host_dir)
        sent = {**{f"host/{name}": content for name, content in files.items()}, **agent_files}

        def start_agent() -> None:
            how = tmux.start(place, agent, sent, after=after)
            if begun:
                begun(how)

        attempt: Callable[[], object] = start_agent
    else:
        tar = layout.pack({**files, **layout.command_files()})
        attempt = functools.partial(script, transport, "host-files", spec.host_dir, input=tar, timeout=30)
    _try(attempt, transport, timeout, clock, docker, spec.host_id)


def wait_for_login(
    transport: Transport,
    *,
    timeout: float,
    clock: Clock = SYSTEM,
    docker: Docker | None = None,
    host_id: str = "",
) -> None:
    """Waits until a whole, pinned ssh login works. Raises as `first_login`."""
    _try(lambda: transport.run(["true"], timeout=30), transport, timeout, clock, docker, host_id)


def _try(
    attempt: Callable[[], object],
    transport: Transport,
    timeout: float,
    clock: Clock,
    docker: Docker | None,
    host_id: str,
) -> None:
    from mngr.transport.ssh import HostKeyMismatch

    began, last = clock.monotonic(), MngrError("")
    for _ in looks(clock, timeout, first=0.02):
        try:
            attempt()
            return
        except HostKeyMismatch:
            raise
        except (Unreachable, TimedOut) as error:
            last = error
        if docker is not None and clock.monotonic() - began > YOUNG_S:
            _check_alive(docker, host_id)
    raise TimedOut(
        f"no ssh login to {transport.place} within {timeout:g} s: {last.message}",
        hint=last.hint or "does the container run, and does a firewall let its port through?",
    )


def _check_alive(docker: Docker, host_id: str) -> None:
    """Raises MngrError, with the log's end, if the host's container has ended."""
    name = name_of(host_id)
    status = docker.run("inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", name, check=False)
    state, _, code = status.text.strip().partition(" ")
    if state in ("exited", "dead", "restarting"):
        log = docker.run("logs", "--tail", "20", name, check=False)
        raise MngrError(
            f"the container of host {host_id} ended with exit code {code} before a login worked",
            details=images.tail(log),
        )
