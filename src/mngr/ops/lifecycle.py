"""Stopping, starting and destroying agents, and the hosts that carry them."""

from collections.abc import Callable
from typing import TypeVar

from mngr.agents import tmux
from mngr.model.errors import MngrError, NotWiped, Unreachable
from mngr.model.records import HostRecord
from mngr.model.views import HostView
from mngr.ops import memory
from mngr.ops.context import Mngr, Phases
from mngr.ops.names import Group
from mngr.providers.contract import HostProvider, HostSnapshots

ALIVE = ("running", "waiting")

#: So long do we wait for a host that is about to stop itself.
STOPPING_S = 30.0
T = TypeVar("T")


def stop(mngr: Mngr, group: Group, phases: Phases) -> str:
    """Stops these agents and, when no other agent of their host is alive, the host. Repeatable.

    Returns what became of the bill, as the provider says it, when a host was stopped.
    """
    host, provider = group.host, mngr.provider(group.host.record.provider)
    stays = _others(group, alive=True) or not provider.abilities.isolated or _may_have_others(group)
    if host.state == "running" and group.agents:
        phases("stop agent")
        place = mngr.place(host.record)
        try:
            for agent in group.agents:
                tmux.stop(place, agent.record)
        except Unreachable:
            if stays:
                raise
            # It may be going down already, by itself or by a stop whose mngr was killed; they go with it.
    if stays:
        return ""
    phases("stop host")
    provider.stop(host.record.id, phases)
    saves = provider.abilities.stop_saves
    return f"which saves {saves}" if saves else ""


def start(mngr: Mngr, group: Group, phases: Phases) -> HostView:
    """Starts the host if it is down, and the agents' commands anew if they aren't alive. Repeatable."""
    host, provider = group.host, mngr.provider(group.host.record.provider)
    record = host.record
    if host.state == "running" and not host.sshd_down:
        return while_it_runs(mngr, record, phases, lambda record: _start_agents(mngr, group, record, phases))
    phases("start host")
    return _start_agents(mngr, group, provider.start(record.id, phases), phases)


def while_it_runs(mngr: Mngr, record: HostRecord, phases: Phases, work: Callable[[HostRecord], T]) -> T:
    """What `work` returns, which puts an agent on a host that was seen running. If the host stops itself just then,
    idle, it is started again, and `work` done again. Raises what `work` does."""
    provider = mngr.provider(record.provider)
    try:
        return work(record)
    except Unreachable:
        if not provider.abilities.stops_itself:
            raise
    phases("start host")
    end = mngr.clock.monotonic() + STOPPING_S
    while _may_be_stopping(provider.view(record.id)) and mngr.clock.monotonic() < end:
        mngr.clock.sleep(0.5)
    return work(provider.start(record.id, phases))


def _may_be_stopping(host: HostView) -> bool:
    """Whether a host that still runs has decided to stop, or can't be looked into any more."""
    if host.idle and host.idle.stop_reason:
        return host.state == "running"
    return host.state == "running" and bool(host.problem) and not host.sshd_down


def _start_agents(mngr: Mngr, group: Group, record: HostRecord, phases: Phases) -> HostView:
    if group.agents:
        phases("start agent")
    place, settings = mngr.place(record), mngr.host_settings()
    started = HostView(record=record, state="running", agents=group.host.agents)
    for agent in group.agents:
        code = tmux.start(place, agent.record, settings)
        if code is not None:
            phases(f"warning: agent {agent.record.name} has ended already, with exit code {code}")
        memory.remember(mngr, started, agent)
    return started


def destroy(mngr: Mngr, group: Group, phases: Phases, *, unknown_agents: bool = False) -> str:
    """Removes these agents, and their host when it carries no other agent. Gone already is success.

    Returns what is left: a host that stays, with others, and its bill; what is paid ahead; snapshots that stay, or what
    went with it. Raises NotWiped as HostProvider.destroy, Unreachable as `check_known`."""
    check_known(group, unknown_agents=unknown_agents)
    host, provider = group.host, mngr.provider(group.host.record.provider)
    if takes_host(group):
        phases("destroy host")
        try:
            provider.destroy(host.record.id, phases)
        except NotWiped:
            memory.forget(mngr, host.record.id, [agent.record.name for agent in host.agents])
            raise
        memory.forget(mngr, host.record.id, [agent.record.name for agent in host.agents])
        paid = f"its machine is paid until {host.paid_until}, and not renewed" if host.paid_until else ""
        lost = f"and {_snapshots(host.snapshots)} that lived on its machine only" if host.snapshots else ""
        return "; ".join(filter(None, [lost, paid, _stay(provider, host.record)]))
    record = host.record
    if host.state != "running":
        raise MngrError(
            f"agents can't be removed alone while their host {record.name} is {host.state}",
            hint=f"`mngr start` one of them first, or `mngr destroy @{record.name}` for the host with all its agents",
        )
    phases("remove agent")
    place = mngr.place(record)
    for agent in group.agents:
        tmux.remove(place, agent.record)
        provider.agent_removed(record.id, agent.record.id)
    memory.forget(mngr, record.id, [agent.record.name for agent in group.agents])
    if not provider.abilities.isolated:
        return ""
    return f"its host {record.name} stays, with others{' and its bill' if record.price_per_hour else ''}"


def _stay(provider: HostProvider, record: HostRecord) -> str:
    """The snapshots of a host that is gone, where those outlive it: how many, where, how big; "" if there are none."""
    if not (isinstance(provider, HostSnapshots) and provider.abilities.restores_by_id):
        return ""
    try:
        left = provider.snapshot_list(record.id).snapshots
    except MngrError:
        return ""  # the host is gone all the same
    size = sum(one.size_bytes or 0 for one in left) / 1e6
    return (
        f"{_snapshots(len(left))} of it stay{'s' if len(left) == 1 else ''} on {provider.name}: {size:.0f} MB of disk; "
        "`mngr snapshot list` shows them"
        if left
        else ""
    )


def _snapshots(count: int) -> str:
    return f"{count} snapshot{'' if count == 1 else 's'}"


def check_known(group: Group, *, unknown_agents: bool) -> None:
    """Raises Unreachable if this would destroy a host that may hold other agents than are known, unless `unknown_agents`
    says that they may go."""
    host = group.host
    if unknown_agents or host.agents_known or not takes_host(group):
        return
    name = f"@{host.record.name}"
    raise Unreachable(
        f"which agents are on host {host.record.name} on {host.record.provider} can't be read, so it isn't destroyed: "
        f"{host.problem or host.state}",
        hint=f"`mngr destroy {name}` where its keys are; or `mngr destroy {name} --unknown-agents`, which ends whatever runs there",
    )


def takes_host(group: Group) -> bool:
    """Whether destroying these agents destroys their host."""
    return not group.host.permanent and not (group.agents and _others(group))


def describe(group: Group) -> str:
    """What destroying this group takes away, on one line."""
    record = group.host.record
    agents = ", ".join(f"{one.record.name} ({one.state})" for one in group.agents or group.host.agents) or (
        "no agents" if group.host.agents_known else ""
    )
    if not group.host.agents_known and not group.agents:
        agents = f"{agents} and whatever else runs there" if agents else "agents that can't be read"
    if takes_host(group):
        held = (
            f" and the only copies of its {_snapshots(group.host.snapshots)}" if group.host.snapshots else ""
        )
        return f"host {record.name} on {record.provider} with {agents}{held}"
    return f"{agents} on {record.name}" + ("; their directories stay" if group.host.permanent else "")


def paid_ahead(group: Group) -> str:
    """What is said, after `describe`, of what is lost by destroying a host that is paid for a while."""
    until = group.host.paid_until if takes_host(group) else ""
    return f"; paid until {until}, of which nothing is paid back" if until else ""


def _may_have_others(group: Group) -> bool:
    """Whether a host that runs may carry other agents than are known."""
    return bool(group.agents) and group.host.state == "running" and not group.host.agents_known


def _others(group: Group, *, alive: bool = False) -> bool:
    """Whether the host carries agents (alive ones) that aren't in the group. A whole-host group has none."""
    mine = {agent.record.id for agent in group.agents}
    # What can't be seen on a host that runs may be alive.
    alive_states = (*ALIVE, "unknown") if group.host.state == "running" else ALIVE
    return bool(mine) and any(
        one.record.id not in mine and (not alive or one.state in alive_states) for one in group.host.agents
    )
