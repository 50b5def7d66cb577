"""An agent that gets another name, or other labels, while it goes on."""

from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from mngr.agents import tmux
from mngr.model.errors import Conflict, MngrError, NotFound
from mngr.model.names import check_labels, check_name, parse_address
from mngr.model.progress import Step
from mngr.model.records import AgentRecord, decode, encode
from mngr.model.views import AgentView, HostView
from mngr.ops import git, memory, size
from mngr.ops.context import Mngr, Phases
from mngr.ops.names import Target
from mngr.ops.run import reachable


class Amended(msgspec.Struct, frozen=True, kw_only=True):
    """An agent as it is now, and its host. `branches`: those of its pulls that were renamed, by their former names."""

    agent: AgentView
    host: HostView
    branches: dict[str, str] = {}


def rename(mngr: Mngr, text: str, new: str, into: Path, phases: Phases) -> Amended:
    """Gives an agent the name `new`, its session and what is known of it here and there; and the branches that pulls of it
    made in the repository around `into`. What runs keeps its MNGR_AGENT_NAME until its next start; host and work dir keep
    their names. Repeatable, also where it was done already.

    Raises InvalidInput, NotFound, Conflict if an agent on its provider has the name, or its host is down."""
    check_name(new, "agent name")
    phases(Step("find"))
    target = _find(mngr, text, new)
    assert target.agent
    record = target.agent.record
    former = record.former if record.name == new else record.name
    if not former:
        return Amended(agent=target.agent, host=target.host)
    _check_free(mngr, target, new)
    phases(Step("rename"))

    def renamed(present: AgentRecord) -> AgentRecord:
        if present.name not in (record.name, new):
            raise Conflict(
                f"agent {record.name} was renamed to {present.name} meanwhile", hint="`mngr list` shows it"
            )
        return msgspec.structs.replace(present, name=new, former=former)

    done = _write(mngr, target, renamed, former)
    top = git.keeper(into)
    if top is None:
        return done
    from mngr.ops.pull import rename_branches

    return msgspec.structs.replace(done, branches=rename_branches(top, f"mngr/{former}", f"mngr/{new}"))


def label(mngr: Mngr, text: str, labels: Mapping[str, str | None], phases: Phases) -> Amended:
    """Gives an agent labels; None takes one away. Repeatable. Raises NotFound, Conflict if its host is down, InvalidInput
    if they are too long."""
    phases(Step("find"))
    target = reachable(mngr, text)
    assert target.agent
    given = check_labels(labels)

    def labelled(present: AgentRecord) -> AgentRecord:
        changed = {key: value for key, value in {**present.labels, **given}.items() if value is not None}
        size.check_create([], changed, [])
        return msgspec.structs.replace(present, labels=changed)

    phases(Step("label"))
    return _write(mngr, target, labelled)


def _find(mngr: Mngr, text: str, new: str) -> Target:
    """The agent, by its name, or by its new one if it has that already."""
    try:
        return reachable(mngr, text)
    except NotFound as error:
        former = parse_address(text)
        try:
            target = reachable(mngr, str(former._replace(name=new)))
        except NotFound:
            raise error from None
        if not former.name or target.agent is None or target.agent.record.former != former.name:
            raise
        return target


def _check_free(mngr: Mngr, target: Target, name: str) -> None:
    assert target.agent
    provider = target.host.record.provider
    for host in mngr.provider(provider).discover().hosts:
        for one in host.agents:
            if one.record.name == name and one.record.id != target.agent.record.id and not one.half_made:
                raise Conflict(
                    f"agent {name} is on {provider} already (host {host.record.name}, {one.state})",
                    hint="choose another name",
                )


def _decoded(data: bytes, known: AgentRecord) -> AgentRecord:
    try:
        return msgspec.structs.replace(decode(data, AgentRecord), id=known.id)
    except ValueError as error:
        raise MngrError(f"the record of agent {known.name} can't be read: {error}") from None


#: A record that others changed between its reading and writing is read again so often.
TRIES = 5


def _write(
    mngr: Mngr, target: Target, change: Callable[[AgentRecord], AgentRecord], former: str = ""
) -> Amended:
    """First where the agent is, as names are taken there; then where a stopped host's agents are listed from. What others
    changed meanwhile stays. `former`: its name, if it gets another. Raises Conflict if they go on."""
    host, agent = target.host, target.agent
    assert agent
    read: bytes | None = encode(agent.record)
    for _ in range(TRIES):
        record = change(_decoded(read, agent.record))
        read = tmux.amend(mngr.place(host.record), record, former or record.name, read)
        if read is None:
            break
    else:
        raise Conflict(f"agent {agent.record.name} is being changed by others", hint="run it again")
    mngr.provider(host.record.provider).agent_saved(host.record.id, record)
    now = msgspec.structs.replace(agent, record=record)
    others = [now if one.record.id == record.id else one for one in host.agents]
    host = msgspec.structs.replace(host, agents=others)
    gone = former or agent.record.name
    if gone != record.name:
        memory.forget(mngr, host.record.id, [gone])
    memory.remember(mngr, host, now)
    return Amended(agent=now, host=host)
