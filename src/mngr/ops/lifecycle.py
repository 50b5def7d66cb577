"""Stopping, starting and destroying agents, and the hosts that carry them."""

from collections.abc import Callable
from typing import TypeVar

import msgspec

from mngr.agents import tmux
from mngr.model.errors import Conflict, MngrError, NotWiped, Unreachable
from mngr.model.progress import Step
from mngr.model.records import HostRecord
from mngr.model.states import word
from mngr.model.views import AgentView, HostView, StopSaves
from mngr.ops import agent_types, memory, trust, worktree
from mngr.ops.context import Mngr, Phases
from mngr.ops.names import Group
from mngr.ops.notes import EndedAtOnce, MadeReady, TranscriptLost
from mngr.providers.contract import HostProvider, HostSnapshots

ALIVE = ("running", "waiting")

#: So long do we wait for a host that is about to stop itself.
STOPPING_S = 30.0
T = TypeVar("T")


class Stopped(msgspec.Struct, frozen=True, kw_only=True):
    """What a stop did. `host_stopped`: the host went down, too; `saves`: what that stops paying for (None: nothing
    was paid)."""

    host_stopped: bool
    saves: StopSaves | None = None


class Started(msgspec.Struct, frozen=True, kw_only=True):
    """What a start did. `host`: as it is now. `agents`: those that were started; one whose command ended at once is `done`."""

    host: HostView
    agents: list[AgentView] = []


class SnapshotsLeft(msgspec.Struct, frozen=True, kw_only=True):
    """Snapshots that outlive their host, and the disk they use."""

    provider: str
    count: int
    size_bytes: int


class Destroyed(msgspec.Struct, frozen=True, kw_only=True):
    """What a destroy did. `host_gone`: the host went with its last agent; else `stays_with` are the agents that it still
    carries, and `billed` says whether it goes on costing money. `paid_until`: of a machine that is gone and paid ahead.
    `snapshots_lost`: how many lived on that machine only. `snapshots_left`: those that outlive the host."""

    host_gone: bool
    stays_with: list[str] = []
    billed: bool = False
    paid_until: str = ""
    snapshots_lost: int = 0
    snapshots_left: SnapshotsLeft | None = None


def stop(mngr: Mngr, group: Group, phases: Phases) -> Stopped:
    """Stops these agents and, when no other agent of their host is alive, the host, whose agents' transcripts are kept
    before. Repeatable."""
    from mngr.ops import transcript

    host, provider = group.host, mngr.provider(group.host.record.provider)
    stays = _others(group, alive=True) or not provider.abilities.isolated or _may_have_others(group)
    if host.up and group.agents:
        phases(Step("stop agent"))
        place = mngr.place(host.record)
        try:
            for agent in group.agents:
                tmux.stop(place, agent.record)
            if not stays:
                # It may be destroyed before it runs again. What can't be kept now isn't lost by this.
                transcript.keep_all(mngr, host.record, [agent.record for agent in host.agents], phases)
        except Unreachable:
            if stays:
                raise
            # It may be going down already, by itself or by a stop whose mngr was killed; they go with it.
    if stays:
        return Stopped(host_stopped=False)
    phases(Step("stop host"))
    provider.stop(host.record.id, phases)
    return Stopped(host_stopped=True, saves=provider.abilities.stop_saves)


def start(mngr: Mngr, group: Group, phases: Phases, *, fresh: bool = False) -> Started:
    """Starts the host if it is down, and the agents' commands if they aren't alive: those whose type knows how go on with
    their last conversation, unless `fresh`. Repeatable. Raises Conflict where one is to begin `fresh` and runs."""
    host, provider = group.host, mngr.provider(group.host.record.provider)
    record = host.record
    if fresh and (live := alive(group)):
        raise Conflict(
            f"{', '.join(live)} can't begin a new conversation: it runs, in the one that it has",
            hint=f"`mngr stop {' '.join(live)}` first",
        )
    if host.up and not host.sshd_down:
        return while_it_runs(
            mngr, record, phases, lambda record: _start_agents(mngr, group, record, phases, fresh)
        )
    phases(Step("start host"))
    return _start_agents(mngr, group, provider.start(record.id, phases), phases, fresh)


def alive(group: Group) -> list[str]:
    """The names of those of a group's agents that run already: a start leaves them alone."""
    return [one.record.name for one in group.agents if group.host.up and one.state in ALIVE]


def while_it_runs(mngr: Mngr, record: HostRecord, phases: Phases, work: Callable[[HostRecord], T]) -> T:
    """What `work` returns, which puts an agent on a host that was seen running. If the host stops itself just then,
    idle, it is started again, and `work` done again. Raises what `work` does."""
    provider = mngr.provider(record.provider)
    try:
        return work(record)
    except Unreachable:
        if not provider.abilities.stops_itself:
            raise
    phases(Step("start host"))
    end = mngr.clock.monotonic() + STOPPING_S
    while _may_be_stopping(provider.view(record.id)) and mngr.clock.monotonic() < end:
        mngr.clock.sleep(0.5)
    return work(provider.start(record.id, phases))


def _may_be_stopping(host: HostView) -> bool:
    """Whether a host that still runs has decided to stop, or can't be looked into any more."""
    return host.up and (host.state == "stopping" or (bool(host.problem) and not host.sshd_down))


def _start_agents(mngr: Mngr, group: Group, record: HostRecord, phases: Phases, fresh: bool) -> Started:
    if group.agents:
        phases(Step("start agent"))
    place = mngr.place(record)
    settings = trust.settings(mngr.provider(record.provider), record.ssh_trust, mngr.host_settings())
    host = HostView(record=record, state="running", agents=group.host.agents)
    agents: list[AgentView] = []
    for agent in group.agents:
        rules = agent_types.rules_now(mngr, agent.record.type)
        own = {} if rules is None else {f"agents/{agent.record.id}/rules": rules.encode()}
        how = tmux.start(place, agent.record, {**settings, **own}, fresh=fresh)
        code = how.code
        if how.said or how.readying:
            phases(MadeReady(agent=agent.record.name, said=how.said, goes_on=how.readying))
        if code is not None:
            phases(EndedAtOnce(agent=agent.record.name, exit_code=code))
        memory.remember(mngr, host, agent)
        agents.append(
            AgentView(record=agent.record, state="running" if code is None else "done", exit_code=code)
        )
    return Started(host=host, agents=agents)


def destroy(mngr: Mngr, group: Group, phases: Phases, *, unknown_agents: bool = False) -> Destroyed:
    """Removes these agents, and their host when it carries no other agent. Gone already is success.

    Raises NotWiped as HostProvider.destroy, Unreachable as `check_known`."""
    check_known(group, unknown_agents=unknown_agents)
    host, provider = group.host, mngr.provider(group.host.record.provider)
    record = host.record
    from mngr.ops import transcript

    going = [agent.record for agent in (host.agents if takes_host(group) else group.agents)]
    if host.up:
        for name, why in transcript.keep_all(mngr, record, going, phases):
            phases(TranscriptLost(agent=name, why=why))
    else:
        for note in transcript.not_kept(mngr, host, going):
            phases(note)
    if takes_host(group):
        phases(Step("destroy host"))
        try:
            provider.destroy(record.id, phases)
        except NotWiped:
            memory.forget(mngr, record.id, [agent.record.name for agent in host.agents])
            raise
        memory.forget(mngr, record.id, [agent.record.name for agent in host.agents])
        return Destroyed(
            host_gone=True, paid_until=host.paid_until, snapshots_lost=host.snapshots,
            snapshots_left=_left(provider, record),
        )  # fmt: skip
    if not host.up:
        raise MngrError(
            f"agents can't be removed alone while their host {record.name} is {word(host.state)}",
            hint=f"`mngr start` one of them first, or `mngr destroy @{record.name}` for the host with all its agents",
        )
    phases(Step("remove agent"))
    place = mngr.place(record)
    for agent in group.agents:
        if path := None if provider.abilities.isolated else worktree.of(record, agent.record):
            # While the agent is known: killed here, the same command goes on.
            tmux.stop(place, agent.record)
            worktree.remove(path)
        tmux.remove(place, agent.record)
        provider.agent_removed(record.id, agent.record.id)
    memory.forget(mngr, record.id, [agent.record.name for agent in group.agents])
    billed = bool(record.price_per_hour or host.price_per_month)
    return Destroyed(host_gone=False, stays_with=stays_with(group), billed=billed)


def _left(provider: HostProvider, record: HostRecord) -> SnapshotsLeft | None:
    """The snapshots of a host that is gone, where those outlive it."""
    if not (isinstance(provider, HostSnapshots) and provider.abilities.restores_by_id):
        return None
    try:
        left = provider.snapshot_list(record.id).snapshots
    except MngrError:
        return None  # the host is gone all the same
    size = sum(one.size_bytes or 0 for one in left)
    return SnapshotsLeft(provider=provider.name, count=len(left), size_bytes=size) if left else None


def check_known(group: Group, *, unknown_agents: bool) -> None:
    """Raises Unreachable if this would destroy a host that may hold other agents than are known, unless `unknown_agents`
    says that they may go."""
    host = group.host
    if unknown_agents or host.agents_known or not takes_host(group):
        return
    name = f"@{host.record.name}"
    raise Unreachable(
        f"which agents are on host {host.record.name} on {host.record.provider} can't be read, so it isn't destroyed: "
        f"{host.problem or word(host.state)}",
        hint=f"`mngr destroy {name}` where its keys are; or `mngr destroy {name} --unknown-agents`, which ends whatever runs there",
    )


def takes_host(group: Group) -> bool:
    """Whether destroying these agents destroys their host."""
    return not group.host.permanent and not (group.agents and _others(group))


def stays_with(group: Group) -> list[str]:
    """The agents that a host is left with where a destroy of these doesn't take it."""
    mine = {agent.record.id for agent in group.agents}
    return [one.record.name for one in group.host.agents if mine and one.record.id not in mine]


def _may_have_others(group: Group) -> bool:
    """Whether a host that runs may carry other agents than are known."""
    return bool(group.agents) and group.host.up and not group.host.agents_known


def _others(group: Group, *, alive: bool = False) -> bool:
    """Whether the host carries agents (alive ones) that aren't in the group. A whole-host group has none."""
    mine = {agent.record.id for agent in group.agents}
    # What can't be seen on a host that runs may be alive.
    alive_states = (*ALIVE, "unknown") if group.host.up else ALIVE
    return bool(mine) and any(
        one.record.id not in mine and (not alive or one.state in alive_states) for one in group.host.agents
    )
