"""What typed names stand for: agents and hosts, as they are now."""

from collections.abc import Sequence
from typing import NoReturn

import msgspec

from mngr.model.background import each
from mngr.model.errors import Conflict, NotFound, Unreachable
from mngr.model.guess import did_you_mean
from mngr.model.names import Address, parse_address
from mngr.model.states import word
from mngr.model.views import AgentView, HostView, Listing
from mngr.ops.context import Mngr
from mngr.ops.listing import list_hosts
from mngr.ops.memory import seen


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
    found = _remembered(mngr, addresses)
    if None in found:
        providers = {address.provider for address, target in zip(addresses, found, strict=True) if not target}
        listing = list_hosts(mngr, sorted(providers) if all(providers) else ())
        found = [target or _pick(listing, address) for address, target in zip(addresses, found, strict=True)]
    unique: dict[tuple[str, str], Target] = {}
    for target in found:
        assert target is not None
        unique.setdefault((target.host.record.id, target.agent.record.id if target.agent else ""), target)
    return list(unique.values())


def _remembered(mngr: Mngr, addresses: Sequence[Address]) -> list[Target | None]:
    """The remembered places, where a look shows the agent still there, and still called so. Each provider is asked once."""
    places = [seen(mngr, address) if address.name else None for address in addresses]
    hosts: dict[str, set[str]] = {}
    for place in places:
        if place and place.provider in mngr.active():
            hosts.setdefault(place.provider, set()).add(place.host_id)
    listings = each(lambda name: mngr.provider(name).discover(hosts[name]), hosts)
    agents = {
        (host.record.provider, host.record.id, agent.record.id, agent.record.name): Target(host, agent)
        for listing in listings
        for host in listing.hosts
        for agent in host.agents
    }
    return [
        agents.get((place.provider, place.host_id, place.agent_id, address.name)) if place else None
        for place, address in zip(places, addresses, strict=True)
    ]


def _pick(listing: Listing, address: Address) -> Target:
    hosts = among(listing, address)
    if address.name:
        matching = [
            Target(host, agent)
            for host in hosts
            for agent in host.agents
            if address.name in (agent.record.name, agent.record.id)
        ]
        # What a killed create has left beside the agent of a later one isn't meant.
        matching = [one for one in matching if one.agent and not one.agent.half_made] or matching
        # A host that holds no agent (half-made) goes by its own name.
        alone = [host for host in hosts if not host.agents and host.record.name == address.name]
        unread = [host for host in hosts if not host.agents_known]
        if not matching and unread and not (alone and alone[0].agents_known):
            raise _unknown(address, unread)
        matching = matching or [Target(host, None) for host in alone]
    else:
        matching = [Target(host, None) for host in hosts]
    if len(matching) == 1:
        return matching[0]
    if matching:
        raise Conflict(
            f"{address} could be any of: {', '.join(_in_full(address.name, matching))}",
            hint="write it in full",
        )
    not_there(listing, address)


def not_there(listing: Listing, address: Address) -> NoReturn:
    """Raises NotFound, with the nearest name, or Unreachable, where something couldn't be read that might have held it."""
    if address.name and (unread := [host for host in among(listing, address) if not host.agents_known]):
        raise _unknown(address, unread)
    if listing.errors:
        problems = "; ".join(f"{one.provider}: {one.error}" for one in listing.errors)
        raise Unreachable(
            f"{address} wasn't found, and not everything could be read: {problems}",
            hint=listing.errors[0].hint,
        )
    hosts = [host.record.name for host in listing.hosts]
    agents = [agent.record.name for host in listing.hosts for agent in host.agents]
    guess = did_you_mean(address.name or address.host, agents if address.name else hosts)
    raise NotFound(
        f"there is no agent called {address}" if address.name else f"there is no host called {address.host}",
        hint=guess or "`mngr list` shows what there is",
    )


def among(listing: Listing, address: Address) -> list[HostView]:
    """The hosts that the address leaves open."""
    return [
        host
        for host in listing.hosts
        if address.host in ("", host.record.name, host.record.id)
        and address.provider in ("", host.record.provider)
    ]


def _in_full(name: str, matching: Sequence[Target]) -> list[str]:
    """What to type for each: names, or ids where those of two are the same (hosts of two MNGR_HOMEs, say)."""
    by_name = [f"{name}@{one.host.record.name}.{one.host.record.provider}" for one in matching]
    hosts = [one.host.record.id for one in matching]
    words: list[str] = []
    for text, one in zip(by_name, matching, strict=True):
        same = by_name.count(text) > 1
        twin = hosts.count(one.host.record.id) > 1 and one.agent is not None
        agent = one.agent.record.id if same and twin and one.agent else name
        host = one.host.record.id if same else one.host.record.name
        words.append(f"{agent}@{host}.{one.host.record.provider}")
    return words


def _unknown(address: Address, unread: Sequence[HostView]) -> Unreachable:
    """Why a name that wasn't found may be there all the same."""
    places = "; ".join(
        f"@{host.record.name}.{host.record.provider} ({host.problem or word(host.state)})" for host in unread
    )
    return Unreachable(
        f"{address} wasn't found, and whether it is on a host whose agents can't be read isn't known: {places}",
        hint=f"@{unread[0].record.name} names the host itself",
    )
