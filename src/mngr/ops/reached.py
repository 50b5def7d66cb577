"""Agents as they are talked to: where one is, and how its host is reached. Of a remembered one nobody is asked."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from mngr.agents.tmux import Place
from mngr.model.names import parse_address
from mngr.model.states import DOWN, word
from mngr.model.views import Problem
from mngr.ops import memory, names, run
from mngr.ops.context import Mngr


class Reached(msgspec.Struct, frozen=True, kw_only=True):
    """An agent as it is talked to. `text`: its name as it was typed; `address`: by what it is looked up. `looked`: it was
    looked up just now."""

    text: str
    address: str
    agent_id: str
    name: str
    type: str
    host: str
    provider: str
    place: Place
    looked: bool = False


def find(mngr: Mngr, texts: Sequence[str]) -> list[Reached]:
    """The agents that these names stand for, each once. Where they are remembered nobody is asked. Raises NotFound, Conflict,
    Unreachable."""
    found = [_remembered(mngr, text) for text in texts]
    unknown = [text for text, one in zip(texts, found, strict=True) if one is None]
    targets = names.resolve(mngr, unknown) if unknown else []
    every = [*(one for one in found if one), *(_reached(mngr, target) for target in targets)]
    return list({one.agent_id: one for one in every}.values())


def everybody(mngr: Mngr) -> tuple[list[Reached], list[Problem]]:
    """All agents that are alive, and what couldn't be read."""
    from mngr.ops.lifecycle import ALIVE
    from mngr.ops.listing import LIST_LIMIT_S, list_hosts

    listing = list_hosts(mngr, limit_s=LIST_LIMIT_S)
    alive = [
        names.Target(host, agent) for host in listing.hosts if host.up for agent in host.agents if agent.state in ALIVE and not agent.half_made
    ]  # fmt: skip
    unread = [
        Problem(provider=host.record.provider, what=f"@{host.record.name}", error=host.problem or word(host.state))
        for host in listing.hosts
        if not host.agents_known and host.state not in DOWN
    ]  # fmt: skip
    return [_reached(mngr, one) for one in alive], [*listing.errors, *unread]


def look(mngr: Mngr, text: str) -> Reached:
    """The agent, as it is now, on a host that runs. Raises NotFound, Conflict, Unreachable."""
    return _reached(mngr, run.reachable(mngr, text))


def _reached(mngr: Mngr, target: names.Target) -> Reached:
    record = target.host.record
    if target.agent is None:
        raise run.no_agent(target, f"@{record.name}")
    agent = target.agent.record
    memory.remember(mngr, target.host, target.agent)
    return Reached(
        text=agent.name, address=f"{agent.name}@{record.id}.{record.provider}", agent_id=agent.id, name=agent.name,
        type=agent.type, host=record.name, provider=record.provider, place=mngr.place(record), looked=True,
    )  # fmt: skip


def _remembered(mngr: Mngr, text: str) -> Reached | None:
    from mngr.transport.local import Local
    from mngr.transport.ssh import Configured

    address = parse_address(text)
    seen = memory.seen(mngr, address) if address.name else None
    if seen is None or not seen.type or not (seen.here or seen.ssh):
        return None
    transport = Local() if seen.here else Configured(*seen.ssh)
    place = Place(transport=transport, host_dir=seen.host_dir, label=seen.tmux_label)
    return Reached(
        text=text, address=text, agent_id=seen.agent_id, name=address.name, type=seen.type, host=seen.host_name,
        provider=seen.provider, place=place,
    )  # fmt: skip
