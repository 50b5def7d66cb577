"""What a typed name stands for. Names that were seen are remembered, so that a warm `exec` asks nobody.

The memory is `$MNGR_HOME/cache/names/NAME.json`: the places where an agent of that name was last seen. It is only
ever a first guess: what it points to is looked at before anything is changed.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from mngr.model.errors import Conflict, NotFound, Unreachable
from mngr.model.names import Address, parse_address
from mngr.model.views import AgentView, HostView, Listing
from mngr.ops.context import Mngr


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """Where an agent was last seen, and how commands get there (`ssh`: config file and alias; empty: here)."""

    agent_id: str
    host_id: str
    host_name: str
    provider: str
    host_dir: str
    tmux_label: str
    ssh: list[str] = []


class Target(msgspec.Struct, frozen=True):
    """A host, and an agent on it (None when the host itself was addressed)."""

    host: HostView
    agent: AgentView | None


class Group(msgspec.Struct, frozen=True):
    """Some agents of one host, or (empty) the whole host."""

    host: HostView
    agents: list[AgentView]


def groups(targets: Sequence[Target]) -> list[Group]:
    """The targets by host. A host addressed as such takes all its agents in."""
    by_host: dict[str, list[Target]] = {}
    for target in targets:
        by_host.setdefault(target.host.record.id, []).append(target)
    return [
        Group(
            some[0].host,
            [] if any(one.agent is None for one in some) else [one.agent for one in some if one.agent],
        )
        for some in by_host.values()
    ]


def resolve(mngr: Mngr, texts: Sequence[str]) -> list[Target]:
    """The agents (or, for `@HOST`, hosts) that `texts` name, as they are now, in the order given.

    Raises NotFound (with the nearest name), Conflict (naming the candidates) or, when something couldn't
    be read that might have held the name, Unreachable.
    """
    addresses = [parse_address(text) for text in texts]
    found: list[Target | None] = [_remembered(mngr, address) for address in addresses]
    if None in found:
        from mngr.ops.listing import list_hosts

        providers = {address.provider for address, target in zip(addresses, found, strict=True) if not target}
        listing = list_hosts(mngr, sorted(providers) if all(providers) else ())
        found = [target or _pick(listing, address) for address, target in zip(addresses, found, strict=True)]
    unique: dict[tuple[str, str], Target] = {}
    for target in found:
        assert target is not None
        unique.setdefault((target.host.record.id, target.agent.record.id if target.agent else ""), target)
    return list(unique.values())


def seen(mngr: Mngr, address: Address) -> Seen | None:
    """The one place where the memory has this name, else None."""
    matching = [
        one
        for one in _read(_file(mngr, address.name))
        if address.provider in ("", one.provider) and address.host in ("", one.host_name, one.host_id)
    ]
    return matching[0] if len(matching) == 1 else None


def remember(mngr: Mngr, host: HostView, agent: AgentView) -> None:
    """Notes where an agent is. Never fails a command: the memory is only a short cut."""
    name = agent.record.name
    path = _file(mngr, name)
    others = [one for one in _read(path) if one.agent_id != agent.record.id and one.host_id != host.record.id]
    _write(path, [*others, _note(mngr, host, agent)])


def forget(mngr: Mngr, host_id: str, names: Sequence[str]) -> None:
    """Drops what is remembered of these names on that host."""
    for name in names:
        path = _file(mngr, name)
        kept = [one for one in _read(path) if one.host_id != host_id]
        _write(path, kept)


def learn(mngr: Mngr, listing: Listing, providers: Sequence[str]) -> None:
    """Takes a whole listing of `providers` in: notes what is new, drops what is gone (unless it couldn't be read)."""
    folder = mngr.home / "cache" / "names"
    known = {path.stem: _read(path) for path in folder.glob("*.json")} if folder.is_dir() else {}
    unread = {problem.provider for problem in listing.errors} | {
        host.record.provider for host in listing.hosts if host.state in ("unreachable", "building")
    }
    now: dict[str, list[Seen]] = {}
    for name, places in known.items():
        now[name] = [one for one in places if one.provider in unread or one.provider not in providers]
    for host in listing.hosts:
        if host.record.provider not in unread:
            for agent in host.agents:
                now.setdefault(agent.record.name, []).append(_note(mngr, host, agent))
    for name, places in now.items():
        if places != known.get(name, []):
            _write(_file(mngr, name), places)


def _remembered(mngr: Mngr, address: Address) -> Target | None:
    """The remembered place, if a look at it shows the agent still there."""
    place = seen(mngr, address) if address.name else None
    if place is None or place.provider not in mngr.active():
        return None
    listing = mngr.provider(place.provider).discover({place.host_id})
    for host in listing.hosts:
        for agent in host.agents:
            if agent.record.id == place.agent_id:
                return Target(host, agent)
    return None


def _pick(listing: Listing, address: Address) -> Target:
    hosts = [
        host
        for host in listing.hosts
        if address.host in ("", host.record.name, host.record.id)
        and address.provider in ("", host.record.provider)
    ]
    if address.name:
        matching = [
            Target(host, agent)
            for host in hosts
            for agent in host.agents
            if address.name in (agent.record.name, agent.record.id)
        ]
        # A host that holds no agent (half-made, or its agents can't be read) goes by its own name.
        matching = matching or [
            Target(host, None) for host in hosts if not host.agents and host.record.name == address.name
        ]
    else:
        matching = [Target(host, None) for host in hosts]
    if len(matching) == 1:
        return matching[0]
    if matching:
        places = ", ".join(
            f"{address.name}@{one.host.record.name}.{one.host.record.provider}" for one in matching
        )
        raise Conflict(f"{address} could be any of: {places}", hint="write it in full")
    if listing.errors:
        unread = "; ".join(f"{one.provider}: {one.error}" for one in listing.errors)
        raise Unreachable(
            f"{address} wasn't found, and not everything could be read: {unread}", hint=listing.errors[0].hint
        )
    import difflib

    known = [agent.record.name for host in listing.hosts for agent in host.agents]
    near = difflib.get_close_matches(address.name or address.host, known, n=1)
    what = f"agent called {address}" if address.name else f"host called {address.host}"
    raise NotFound(
        f"there is no {what}", hint=f"did you mean {near[0]}?" if near else "`mngr list` shows what there is"
    )


def _note(mngr: Mngr, host: HostView, agent: AgentView) -> Seen:
    record = host.record
    ssh: list[str] = []
    if record.address:
        from mngr.transport.ssh import Ssh

        transport = mngr.provider(record.provider).transport(record)
        if isinstance(transport, Ssh):
            ssh = [str(transport.target.config), transport.target.alias]
    return Seen(
        agent_id=agent.record.id, host_id=record.id, host_name=record.name, provider=record.provider,
        host_dir=record.host_dir, tmux_label=record.tmux_label, ssh=ssh,
    )  # fmt: skip


def _file(mngr: Mngr, name: str) -> Path:
    return mngr.home / "cache" / "names" / f"{name}.json"


def _read(path: Path) -> list[Seen]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[Seen])
    except (OSError, msgspec.DecodeError):
        return []


def _write(path: Path, places: list[Seen]) -> None:
    try:
        if not places:
            path.unlink(missing_ok=True)
            return
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        part = path.with_name(f".{path.name}.{os.getpid()}")
        part.write_bytes(msgspec.json.encode(places))
        os.replace(part, path)
    except OSError:
        pass
