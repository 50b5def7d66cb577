"""A machine's tags and what was seen on it, as the views that `mngr list` shows."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from mngr.model.clock import from_iso, iso
from mngr.model.errors import MngrError
from mngr.model.names import is_name
from mngr.model.records import AgentRecord, HostRecord, Idle
from mngr.model.states import HostState
from mngr.model.views import AgentView, HostView, IdleView
from mngr.vps_docker import off_hours
from mngr.vps_docker.cache import Remembered
from mngr.vps_docker.rented import Rented
from mngr.vps_docker.vps_client import Ended, Machine

if TYPE_CHECKING:
    from mngr.vps_docker.machine_probe import MachineFacts

#: The clocks of a machine and of its cloud's log may be so far apart, in seconds.
LATE_S = 60.0


def record_of(rented: Rented, machine: Machine, remembered: Remembered | None) -> HostRecord:
    """A host's record before its machine was asked: as remembered, else what the tags say."""
    owner = machine.owner
    if remembered is not None:
        address = machine.address or remembered.record.address
        return msgspec.structs.replace(remembered.record, address=address)
    return HostRecord(
        id=owner.host_id, name=name_of(machine), provider=rented.name, backend=rented.backend,
        created_at=iso(machine.created_at) if machine.created_at else "", builder=owner.builder,
        plan=machine.plan, region=machine.region, address=machine.address, ssh_port=rented.config.container_ssh_port,
        host_dir=rented.config.host_dir, machine_id=machine.id,
    )  # fmt: skip


def name_of(machine: Machine) -> str:
    """The host's name, as the tags say it; its id where that tag was lost or can't be one."""
    owner = machine.owner
    return owner.host_name if is_name(owner.host_name) else owner.host_id


def unpaid(rented: Rented, machine: Machine) -> str:
    """What is wrong with a machine that the cloud couldn't charge for, and what is left to do."""
    since = f" since {machine.paid_until}" if machine.paid_until else ""
    return (
        f"its machine {machine.id} is expired{since}: it wasn't paid, and {rented.title} keeps it for some days, switched "
        f"off; pay on {rented.title}'s page to have it back, or `mngr destroy @{name_of(machine)}`"
    )


def has_run_out(rented: Rented, remembered: Remembered) -> bool:
    """Whether the machine of a host that isn't listed any more was paid ahead, and that time is over."""
    try:
        return bool(remembered.paid_until) and rented.cloud.now() >= from_iso(remembered.paid_until)
    except (ValueError, MngrError):
        return False


def run_out(rented: Rented, remembered: Remembered) -> HostView:
    """A host whose machine came to the end of what was paid: shown until somebody has seen it."""
    record = remembered.record
    problem = (
        f"its machine {record.machine_id} was paid until {remembered.paid_until} and {rented.title} doesn't "
        f"have it any more; last seen on {iso(remembered.at)}; `mngr destroy @{record.name}` takes this row away"
    )
    return HostView(
        record=record, state="destroyed", agents=as_stopped(remembered.agents, remembered), problem=problem
    )


def seen(rented: Rented, machine: Machine, facts: "MachineFacts", remembered: Remembered | None) -> HostView:
    """A ready machine that answered."""
    from mngr.containers.survey import host_view
    from mngr.hosts.probe import cause, describe_reason, stopped_at

    record = record_of(rented, machine, remembered)
    stored = facts.survey.stored
    at = facts.survey.containers.get(record.id)
    problem = ""
    if record.id in stored.hosts:
        record = msgspec.structs.replace(stored.hosts[record.id], address=machine.address)
    else:
        unread = stored.problems.get(f"{record.id}.json")
        problem = unread.error if unread else "its record is missing on the machine; a start writes it anew"
    view = host_view(record, at, stored, facts.ends_at)
    if record.id not in stored.hosts and not view.agents_known and remembered is not None:
        known = remembered.agents
        view.agents = as_unknown(known) if view.up else as_stopped(known, remembered)
        view.agents_known = True
    if facts.stopped and view.state != "failed":
        why = cause(facts.stopped)
        view.stopped_at = stopped_at(facts.stopped) or view.stopped_at
        view.state = "stopping" if view.up else "stopped" if why == "lifetime" else "paused"
        view.idle = view.idle or IdleView(mode=record.idle.mode, timeout_s=record.idle.timeout_s)
        view.idle.stop_cause, view.idle.stop_reason = why, describe_reason(facts.stopped)
    view.problem = "; ".join(one for one in (problem, view.problem) if one)
    view.snapshots = len(stored.snapshots)
    return priced(rented, machine, view)


def ended(
    rented: Rented, machine: Machine, view: HostView, how: Ended | None, remembered: Remembered | None
) -> None:
    """Lays over a stopped host's view how its machine went off, as far as its cloud tells (yet), and what that saves."""
    idle = remembered.record.idle if remembered else Idle(mode="", timeout_s=0)
    view.idle = IdleView(mode=idle.mode, timeout_s=idle.timeout_s)
    if how is None:
        return
    view.stopped_at = how.at
    if how.by == "cloud":
        view.idle.stop_cause = "evicted"
        view.idle.stop_reason = f"{rented.title} took its machine back, to have the room"
    elif how.by == "person":
        view.idle.stop_reason = f"by hand, of {how.who}" if how.who else "by hand"
    elif remembered and remembered.ends_at and how.at > remembered.ends_at - LATE_S:
        view.idle.stop_cause, view.idle.stop_reason = "lifetime", "reached its max lifetime, by itself"
    else:
        view.state, view.idle.stop_cause = "paused", "idle"
        view.idle.stop_reason = "by itself, when it was idle; the next `mngr start` says more"
    priced(rented, machine, view)


def unreachable(rented: Rented, machine: Machine, remembered: Remembered | None, problem: str) -> HostView:
    """A ready machine that can't be asked, with its last known agents."""
    record = record_of(rented, machine, remembered)
    agents = as_unknown(known_agents(machine, remembered))
    snapshots = remembered.snapshots if remembered else 0
    view = HostView(
        record=record, state="unreachable", agents=agents, problem=problem, snapshots=snapshots,
        agents_known=bool(agents) and (machine.agents is not None or not rented.keeps_agents),
    )  # fmt: skip
    return priced(rented, machine, view)


def half_made(rented: Rented, machine: Machine, state: HostState, problem: str) -> HostView:
    """A machine that carries no host yet."""
    return priced(
        rented, machine, HostView(record=record_of(rented, machine, None), state=state, problem=problem)
    )


def as_unknown(records: Sequence[AgentRecord]) -> list[AgentView]:
    return [AgentView(record=record, state="unknown") for record in records]


def known_agents(machine: Machine, remembered: Remembered | None) -> Sequence[AgentRecord]:
    """The agents of a machine that isn't asked: all that the cloud keeps, and all that were last seen."""
    seen = {one.id: one for one in (remembered.agents if remembered else [])}
    kept = [
        _in_full(one, seen.get(one.id)) if machine.agents_shortened else one for one in machine.agents or []
    ]
    return list({**seen, **{one.id: one for one in kept}}.values())


def _in_full(kept: AgentRecord, seen: AgentRecord | None) -> AgentRecord:
    """A record that may be shortened, with what was seen of it in its place."""
    if seen is None:
        return kept
    return msgspec.structs.replace(
        kept, command=kept.command or seen.command, labels=kept.labels or seen.labels,
        work_dir=kept.work_dir or seen.work_dir,
    )  # fmt: skip


def of_kept_agents(rented: Rented, machine: Machine, remembered: Remembered | None) -> str:
    """What is to be known of the records that the cloud keeps of a stopped host's agents; "" if they are whole."""
    if not rented.keeps_agents:
        return ""
    if machine.agents is None:
        return f"{rented.title}'s tags don't hold all its agents (some were lost, or had no room); a start writes them anew"
    seen = {one.id for one in remembered.agents} if remembered else set()
    if machine.agents_shortened and not {one.id for one in machine.agents} <= seen:
        return f"shortened: its agents' commands, labels or directories had no room in {rented.title}'s tags; a start shows them whole"
    return ""


def as_stopped(agents: Sequence[AgentRecord], remembered: Remembered | None) -> list[AgentView]:
    """The agents of a machine that is powered off: what was done when it was last seen still is."""
    done = remembered.codes if remembered else {}
    return [
        AgentView(record=one, state="done" if one.id in done else "stopped", exit_code=done.get(one.id))
        for one in agents
    ]


def priced(rented: Rented, machine: Machine, view: HostView) -> HostView:
    """With what the machine has cost: by the started hour, up to a month's price where there is one a month. The time for which it
    was off counts only for what is billed then, where stopping saves something."""
    view.stop_saves = rented.stop_saves
    view.paid_until, view.renews, view.spot = machine.paid_until, machine.renews, machine.spot
    view.price_per_month = view.record.price_per_month
    hourly, rest = view.record.price_per_hour, view.record.price_stopped_per_hour or 0
    if hourly is not None and machine.created_at:
        lasts = rented.cloud.now() - machine.created_at
        off = min(_off(rented, machine, view), max(0.0, lasts))
        hours = max(1, math.ceil((lasts - off) / 3600))
        monthly = view.price_per_month
        months, rest_hours = divmod(hours, 730)
        cost = months * monthly + min(rest_hours * hourly, monthly) if monthly else hours * hourly
        view.cost_so_far = round(cost + off / 3600 * rest, 4)
        view.saved = round(off / 3600 * (hourly - rest), 4) if off else None
    return view


def _off(rented: Rented, machine: Machine, view: HostView) -> float:
    """For how many seconds it was off, and not billed for, as far as that is known."""
    if not rented.cloud.caps.stop_saves:
        return 0
    return off_hours.seconds(
        machine.tags, view.stopped_at if machine.state == "stopped" else None, rented.cloud.now()
    )
