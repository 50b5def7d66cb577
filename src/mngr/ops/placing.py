"""Where a new agent goes: its provider, the host that is there or isn't, and whether its name is free."""

from __future__ import annotations

import msgspec

from mngr.journal.store import Held, Journal
from mngr.model.errors import Conflict, InvalidInput, Unreachable
from mngr.model.names import Address
from mngr.model.states import word
from mngr.model.views import HostView
from mngr.ops import memory
from mngr.ops.context import Mngr
from mngr.ops.notes import HostElsewhere
from mngr.ops.request import CreateRequest
from mngr.providers.contract import HostProvider


def being_created(mngr: Mngr, provider: str, host: str) -> Held:
    """Held while an agent is put on a host of this name, by us alone. Raises Conflict if another process holds it."""
    try:
        return Journal(mngr.home / "journal").hold(provider, f"create-{host}")
    except Conflict:
        raise Conflict(
            f"{host} on {provider} is being created by another mngr on this computer",
            hint="wait for it to end, or choose another name",
        ) from None


def placed(mngr: Mngr, request: CreateRequest) -> CreateRequest:
    """The request with its provider: as asked for; else where the host that was named is; else the default.

    Raises Conflict, Unreachable, and InvalidInput for a host on a provider that has but this computer.
    """
    name = request.provider
    if not name:
        name = _where(mngr, request.host) if request.host else mngr.config.default_provider
    if request.host not in ("", "localhost") and not mngr.provider(name).abilities.isolated:
        raise InvalidInput(
            f"there is no host {request.host} on {name}, which is this computer",
            hint=f"--provider NAME makes one; or leave out @{request.host}",
        )
    return msgspec.structs.replace(request, provider=name)


def _where(mngr: Mngr, host: str) -> str:
    """The provider that has this host, else the default one."""
    from mngr.ops.listing import list_hosts

    listing = list_hosts(mngr)
    there = {one.record.provider for one in listing.hosts if host in (one.record.name, one.record.id)}
    if len(there) > 1:
        raise Conflict(
            f"a host called {host} is on {' and '.join(sorted(there))}", hint="--provider NAME says which"
        )
    if not there and listing.errors:
        first = listing.errors[0]
        raise Unreachable(
            f"host {host} wasn't found, and not everything could be read: {first.error}",
            hint=f"--provider NAME says where it is; {first.hint}",
        )
    return there.pop() if there else mngr.config.default_provider


def existing_host(mngr: Mngr, provider: HostProvider, request: CreateRequest) -> HostView | None:
    """The host to put the agent on, or to go on making; None for a new one. Raises Conflict."""
    if not provider.abilities.isolated:
        hosts = provider.discover().hosts
        if not hosts:
            return None
        _refuse_duplicate(mngr, hosts[0], request.name)
        return hosts[0]
    name = request.host or request.name
    wanted = {name}
    remembered = memory.seen(mngr, Address(request.name, "", provider.name))
    if remembered:
        wanted.add(remembered.host_id)
    listing = provider.discover(wanted)
    if listing.errors:
        first = listing.errors[0]
        raise Unreachable(
            f"can't tell whether {request.name} exists: {first.what} of {first.provider} can't be read: {first.error}",
            hint=first.hint or "`mngr list` shows what is wrong",
        )
    for host in listing.hosts:
        _refuse_duplicate(mngr, host, request.name)
    same = [host for host in listing.hosts if name in (host.record.name, host.record.id)]
    if not same:
        return None
    if len(same) > 1:
        places = ", ".join(f"{request.name}@{host.record.id}" for host in same)
        raise Conflict(
            f"{len(same)} hosts on {provider.name} are called {name}, as a host of another MNGR_HOME is shown too",
            hint=f"choose another name, or one of these by its id: {places}",
        )
    host = same[0]
    refused = not host.up and host.state in ("unreachable", "stopping", "destroyed", "evicted")
    if not host.agents_known and not refused:
        raise Unreachable(
            f"can't tell which agents are on host {name} on {provider.name}: {host.problem or word(host.state)}",
            hint="another name makes a new host",
        )
    if not request.host and any(agent.record.name != request.name for agent in host.agents):
        raise Conflict(
            f"a host called {name} is on {provider.name} already, with other agents",
            hint=f"mngr create {request.name}@{name} puts the agent on it; another name makes a new host",
        )
    if refused:
        raise Conflict(
            f"host {name} on {provider.name} is {host.state}: {host.problem or 'try again in a moment'}"
        )
    return host


def elsewhere(mngr: Mngr, request: CreateRequest) -> list[HostElsewhere]:
    """What is to be known of a new host whose name was given: that others are called so, as they were last seen."""
    others = {
        one.provider
        for _, one in memory.everything(mngr)
        if request.host in (one.host_name, one.host_id) and one.provider != request.provider
    }
    if not (request.host and others):
        return []
    return [
        HostElsewhere(agent=request.name, host=request.host, provider=request.provider, others=sorted(others))
    ]


def _refuse_duplicate(mngr: Mngr, host: HostView, name: str) -> None:
    for agent in host.agents:
        if agent.record.name == name and not agent.half_made:
            record = host.record
            alone = memory.seen(mngr, Address(name)) is not None
            word = name if alone else f"{name}@{record.name}.{record.provider}"
            alive = agent.state in ("running", "waiting")
            raise Conflict(
                f"agent {name} is on {record.provider} already (host {record.name}, {agent.state})",
                hint=("" if alive else f"`mngr start {word}` runs it again, ")
                + f"`mngr connect {word}` puts you on it; another name makes a new agent",
            )
