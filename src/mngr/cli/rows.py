"""What a listing shows a row each: its agents, and its hosts without any; those that are asked for, in the order asked for."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, get_args

from mngr.cli import present
from mngr.model.names import Address
from mngr.model.states import AgentState, Reason, word
from mngr.model.views import AgentView, HostView, Listing
from mngr.ops.names import among


class Row(NamedTuple):
    """An agent and its host, or (None) a host without agents."""

    host: HostView
    agent: AgentView | None


def rows(listing: Listing) -> list[Row]:
    return [Row(host, agent) for host in listing.hosts for agent in host.agents or [None]]


def named(listing: Listing, addresses: Sequence[Address]) -> tuple[list[Row], list[Address]]:
    """The rows of these names, all where a name is several agents', and the names that there aren't. A host's name stands
    for its agents."""
    found: list[Row] = []
    missing: list[Address] = []
    every = rows(listing)
    for address in addresses:
        places = {host.record.id for host in among(listing, address)}
        some = [one for one in every if one.host.record.id in places and _is_called(one, address.name)]
        found += [one for one in some if one not in found]
        if not some:
            missing.append(address)
    return found, missing


def _is_called(row: Row, name: str) -> bool:
    record = row.agent.record if row.agent else row.host.record
    return name in ("", record.name, record.id)


def in_state(row: Row, state: str) -> bool:
    """A word for agents is the agent's state, or why it waits, one for hosts alone its host's; of a host without agents its
    own. A host that is `paused` is `stopped`, too."""
    if state and state in get_args(Reason):
        return row.agent is not None and row.agent.reason == state and row.agent.state == "waiting"
    if row.agent and state in get_args(AgentState):
        return row.agent.state == state
    return state in (row.host.state, word(row.host.state))


def labelled(row: Row, label: str) -> bool:
    """`KEY=VALUE`, or `KEY` with any value."""
    labels = row.agent.record.labels if row.agent else {}
    key, eq, value = label.partition("=")
    return key in labels and (not eq or labels[key] == value)


def ordered(found: Iterable[Row], value: Callable[[Mapping[str, Any]], Any], downwards: bool) -> list[Row]:
    """By a value of each row as `present.in_full` has it; what has none comes last."""
    keyed = [(value(present.in_full(*row)), row) for row in found]
    there = [one for one in keyed if one[0] not in (None, "")]
    there.sort(key=lambda one: _comparable(one[0]), reverse=downwards)
    return [row for _, row in there] + [row for value, row in keyed if value in (None, "")]


def _comparable(value: Any) -> tuple[int, float, str]:
    if isinstance(value, int | float):
        return 0, value, ""
    return 1, 0, str(value)


def addresses(listing: Listing, found: Iterable[Row], *, in_full: bool) -> list[str]:
    """What other verbs take: agents by name, where one name is several agents' with its host, or by ids; hosts that hold no
    agent. Not a machine of which isn't known what it holds. `in_full`: not by name alone."""
    every = [_words(row) for row in rows(listing)]
    count = Counter(word for words in every for word in set(words))
    return [
        next((word for word in words[in_full:] if count[word] == 1), words[-1])
        for row in found
        if row.agent or row.host.agents_known
        for words in [_words(row)]
    ]


def _words(row: Row) -> list[str]:
    """Ways to write it, the shortest first."""
    host, agent = row.host.record, row.agent
    places = [f"@{host.name}.{host.provider}", f"@{host.id}.{host.provider}"]
    if agent is None:
        return [places[0], *places]
    names = agent.record.name, agent.record.id
    return [names[0], *(f"{names[0]}{place}" for place in places), f"{names[1]}{places[1]}"]
