"""A machine's tags and what was seen on it, as the views that `mngr list` shows."""

import math

import msgspec

from mngr.hosts.probe import describe_reason
from mngr.model.clock import iso
from mngr.model.records import AgentRecord, HostRecord
from mngr.model.states import AgentState, HostState
from mngr.model.views import AgentView, HostView, IdleView
from mngr.providers.contract import Machine
from mngr.vps_docker import tags
from mngr.vps_docker.building import MONTHLY
from mngr.vps_docker.cache import Remembered
from mngr.vps_docker.host_store import Seen
from mngr.vps_docker.machine_probe import MachineFacts
from mngr.vps_docker.parts import Parts

#: Exit codes of a container that `docker stop` ended, or that ended in order.
_STOPPED = (None, 0, 129, 130, 137, 143)


def record_of(parts: Parts, machine: Machine, remembered: Remembered | None) -> HostRecord:
    """A host's record before its machine was asked: as remembered, else what the tags say."""
    owner = tags.read(machine.tags)
    if remembered is not None:
        address = machine.address or remembered.record.address
        return msgspec.structs.replace(remembered.record, address=address)
    return HostRecord(
        id=owner.host_id, name=owner.host_name, provider=parts.name, backend=parts.backend,
        created_at=iso(machine.created_at) if machine.created_at else "", builder=owner.builder,
        plan=machine.plan, region=machine.region, address=machine.address, ssh_port=parts.config.container_ssh_port,
        host_dir=parts.config.host_dir, price_per_hour=machine.price_per_hour, currency=machine.currency,
        handle={**machine.handle, "id": machine.id},
    )  # fmt: skip


def seen(parts: Parts, machine: Machine, facts: MachineFacts, remembered: Remembered | None) -> HostView:
    """A ready machine that answered."""
    record = record_of(parts, machine, remembered)
    host_id = record.id
    stored = facts.survey.stored
    problems = []
    if host_id in stored.problems:
        problems.append(stored.problems[host_id].error)
    elif host_id in stored.hosts:
        record = msgspec.structs.replace(stored.hosts[host_id], address=machine.address)
    else:
        problems.append("its record is missing on the machine")
    at = facts.survey.containers.get(host_id)
    reason = describe_reason((at.reason if at else "") or facts.lifetime_reason)
    state, problem = _state(at, reason)
    problems += [problem] if problem else []
    agents = [AgentView(record=one, state="stopped") for one in stored.agents.get(host_id, [])]
    idle = IdleView(mode=record.idle.mode, timeout_s=record.idle.timeout_s, stop_reason=reason)
    if state == "running":
        if facts.inside is None:
            problems.append(facts.inside_error or "its container can't be asked")
            agents = as_unknown([one.record for one in agents])
        else:
            problems += facts.inside.problems
            idle = facts.inside.idle or idle
            agents = _joined(facts.inside.agents, agents)
    idle.lifetime_ends_at = facts.ends_at
    return priced(
        parts,
        machine,
        HostView(record=record, state=state, agents=agents, idle=idle, problem="; ".join(problems)),
    )


def _joined(inside: list[AgentView], stored: list[AgentView]) -> list[AgentView]:
    """What runs, and agents that were announced and never got there."""
    there = {one.record.id for one in inside}
    missing = [AgentView(record=one.record, state="stopped", half_made=True) for one in stored]
    return [*inside, *(one for one in missing if one.record.id not in there)]


def _state(at: Seen | None, reason: str) -> tuple[HostState, str]:
    """(state, problem) from the container."""
    if at is None:
        return "failed", "its container is gone from the machine"
    if at.state == "running":
        return "running", ""
    if at.state == "paused":
        return "running", "its container is frozen: a snapshot is being taken, or was cut short"
    if at.state in ("restarting", "dead"):
        return "crashed", f"Docker shows its container as {at.state}"
    if reason:
        return "paused", ""
    if at.exit_code not in _STOPPED:
        return "crashed", f"its container ended with exit code {at.exit_code}"
    return "stopped", ""


def unreachable(parts: Parts, machine: Machine, remembered: Remembered | None, problem: str) -> HostView:
    """A ready machine that can't be asked, with its last known agents."""
    record = record_of(parts, machine, remembered)
    agents = as_unknown(remembered.agents if remembered else [])
    snapshots = remembered.snapshots if remembered else 0
    view = HostView(record=record, state="unreachable", agents=agents, problem=problem, snapshots=snapshots)
    return priced(parts, machine, view)


def half_made(parts: Parts, machine: Machine, state: HostState, problem: str) -> HostView:
    """A machine that carries no host yet."""
    return priced(
        parts, machine, HostView(record=record_of(parts, machine, None), state=state, problem=problem)
    )


def as_unknown(records: list[AgentRecord], state: AgentState = "unknown") -> list[AgentView]:
    return [AgentView(record=record, state=state) for record in records]


def priced(parts: Parts, machine: Machine, view: HostView) -> HostView:
    """With what the machine has cost: by the started hour, up to a month's price where there is one a month."""
    view.stop_saves = parts.stop_saves
    view.paid_until, view.renews = machine.paid_until, machine.renews
    hourly = view.record.price_per_hour if view.record.price_per_hour is not None else machine.price_per_hour
    if hourly is not None and machine.created_at:
        hours = max(1, math.ceil((parts.cloud.now() - machine.created_at) / 3600))
        monthly = machine.price_per_month or _number(view.record.handle.get(MONTHLY, ""))
        months, rest = divmod(hours, 730)
        view.cost_so_far = (
            round(months * monthly + min(rest * hourly, monthly), 4) if monthly else round(hours * hourly, 4)
        )
    return view


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
