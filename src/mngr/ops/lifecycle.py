"""Stopping, starting and destroying agents, and the hosts that carry them."""

from collections.abc import Sequence

from mngr.agents import tmux
from mngr.model.errors import MngrError, NotFound
from mngr.model.views import HostView
from mngr.ops import names
from mngr.ops.context import Mngr, Phases
from mngr.ops.names import Target

ALIVE = ("running", "waiting")


def stop(mngr: Mngr, target: Target, phases: Phases) -> str:
    """Stops the agent and, when no other agent of its host is alive, the host. Repeatable.

    Returns what became of the bill, as the provider says it, when a host was stopped.
    """
    host, provider = target.host, mngr.provider(target.host.record.provider)
    others = [one for one in host.agents if one is not target.agent and one.state in ALIVE]
    if host.state == "running" and target.agent:
        phases("stop agent")
        tmux.stop(mngr.place(host.record), target.agent.record)
    if (others and target.agent) or not provider.abilities.isolated:
        return ""
    phases("stop host")
    provider.stop(host.record.id, phases)
    return provider.abilities.stop_saves


def start(mngr: Mngr, target: Target, phases: Phases) -> HostView:
    """Starts the host if it is down, and the agent's command anew if it isn't alive. Repeatable."""
    host, provider = target.host, mngr.provider(target.host.record.provider)
    record = host.record
    if host.state != "running":
        phases("start host")
        record = provider.start(record.id, phases)
    started = HostView(record=record, state="running", agents=host.agents)
    if target.agent:
        phases("start agent")
        tmux.start(mngr.place(record), target.agent.record)
        names.remember(mngr, started, target.agent)
    return started


def destroy(mngr: Mngr, target: Target, phases: Phases) -> None:
    """Removes the agent, and its host when that carries no other agent. Gone already is success."""
    host, provider = target.host, mngr.provider(target.host.record.provider)
    others = [one for one in host.agents if target.agent is None or one.record.id != target.agent.record.id]
    gone = [one.record.name for one in host.agents] if target.agent is None else [target.agent.record.name]
    if target.agent and (others or not provider.abilities.isolated):
        _remove_agent(mngr, target, phases)
    else:
        phases("destroy host")
        provider.destroy(host.record.id, phases)
    names.forget(mngr, host.record.id, gone)


def _remove_agent(mngr: Mngr, target: Target, phases: Phases) -> None:
    host, agent = target.host, target.agent
    assert agent
    provider = mngr.provider(host.record.provider)
    record = host.record
    if host.state != "running":
        raise MngrError(
            f"{agent.record.name} can't be removed alone while its host {record.name} is {host.state}",
            hint=f"`mngr start {agent.record.name}` first, or `mngr destroy @{record.name}` for the host with all its agents",
        )
    phases("remove agent")
    place = mngr.place(record)
    tmux.stop(place, agent.record)
    tmux.remove(place, agent.record)
    provider.agent_removed(record.id, agent.record.id)


def describe(targets: Sequence[Target]) -> list[str]:
    """What destroying these takes away, a line each."""
    lines = []
    for one in targets:
        record = one.host.record
        last = one.agent is None or len(one.host.agents) <= 1
        host = f"host {record.name} on {record.provider}"
        if one.agent is None:
            names_ = ", ".join(agent.record.name for agent in one.host.agents) or "no agents"
            lines.append(f"{host} ({names_})")
        elif record.backend == "local":
            lines.append(
                f"agent {one.agent.record.name} ({one.agent.state}); its directory {one.agent.record.work_dir} stays"
            )
        else:
            lines.append(
                f"agent {one.agent.record.name} ({one.agent.state})"
                + (f", and with it {host}" if last else f" on {host}")
            )
    return lines


def refresh(mngr: Mngr, target: Target) -> HostView | None:
    """The host as it is after a change; None if it is gone."""
    try:
        return mngr.provider(target.host.record.provider).view(target.host.record.id)
    except NotFound:
        return None
