"""Views as plain data for programs: the shapes that `--format json` promises."""

from collections.abc import Sequence
from typing import Any

import msgspec

from mngr.cli.columns import saved
from mngr.model.clock import iso
from mngr.model.records import AgentRecord, HostRecord
from mngr.model.views import AgentView, HostView, IdleView, Problem, Spare


def agent(host: HostView, view: AgentView) -> dict[str, Any]:
    """An agent with its host, as in `agents` of `mngr list --format json`."""
    record = view.record
    return {
        "name": record.name,
        "id": record.id,
        "type": record.type,
        "command": list(record.command),
        "state": view.state,
        "reason": view.reason or None,
        "since": iso(view.since) if view.since else None,
        "signal": view.signal or None,
        "exit_code": view.exit_code,
        "work_dir": record.work_dir,
        "labels": dict(record.labels),
        "created_at": record.created_at,
        "active_at": iso(view.active_at) if view.active_at else None,
        "host": host_summary(host),
    }


def in_full(place: HostView, view: AgentView | None) -> dict[str, Any]:
    """What templates, `--sort` and `--columns` name: an agent with all that is known of its host. Of a host without agents
    (None) its name is `@HOST`, and all else of an agent empty."""
    if view:
        return {**agent(place, view), "host": host(place)}
    empty = dict.fromkeys(agent(place, AgentView(record=AgentRecord(id="", name=""))))
    state = None if place.agents_known else "unknown"
    name = f"@{place.record.name}"
    return {**empty, "name": name, "state": state, "labels": {}, "host": host(place)}


def blank() -> dict[str, Any]:
    """A row that has every field, to check a template with before there is one."""
    record = HostRecord(id="", name="", provider="", backend="", created_at="")
    view = HostView(record=record, state="building", idle=IdleView(mode="", timeout_s=0))
    return in_full(view, AgentView(record=AgentRecord(id="", name="")))


def host_summary(view: HostView) -> dict[str, Any]:
    record = view.record
    return {
        "name": record.name,
        "id": record.id,
        "state": view.state,
        "provider": record.provider,
        "backend": record.backend,
        "address": record.address,
    }


def host(view: HostView) -> dict[str, Any]:
    """A host, as in `hosts` of `mngr list --format json`."""
    record, idle = view.record, view.idle
    return {
        **host_summary(view),
        "ssh_port": record.ssh_port,
        "ssh_user": record.ssh_user,
        "ssh_trust": record.ssh_trust,
        "created_at": record.created_at,
        "image": record.image,
        "user": record.user or None,
        "plan": record.plan,
        "spot": view.spot,
        "region": record.region,
        "labels": dict(record.labels),
        "price_per_hour": record.price_per_hour,
        "price_per_month": view.price_per_month,
        "currency": record.currency,
        "cost_so_far": view.cost_so_far,
        "price_stopped_per_hour": record.price_stopped_per_hour,
        "saved": view.saved,
        "paid_until": view.paid_until or None,
        "renews": view.renews,
        "stop_saves": saved(view.stop_saves) or None,
        "stopped_at": iso(view.stopped_at) if view.stopped_at else None,
        "idle": None
        if idle is None
        else {
            "mode": idle.mode,
            "timeout_s": idle.timeout_s,
            "idle_since": iso(idle.idle_since) if idle.idle_since else None,
            "last_signal": idle.last_signal or None,
            "last_seen": idle.last_seen or None,
            "stops_at": iso(idle.stops_at) if idle.stops_at else None,
            "lifetime_ends_at": iso(idle.lifetime_ends_at) if idle.lifetime_ends_at else None,
            "stop_cause": idle.stop_cause or None,
            "stop_reason": idle.stop_reason or None,
        },
        "problem": view.problem or None,
        "agents": [one.record.name for one in view.agents],
        "agents_known": view.agents_known,
    }


def listing(
    rows: Sequence[tuple[HostView, AgentView | None]],
    errors: Sequence[Problem],
    spares: Sequence[Spare] = (),
) -> dict[str, Any]:
    """The whole of `mngr list --format json`; `spares` is there only where there are such."""
    hosts = {id(one): one for one, _ in rows}
    return {
        "agents": [agent(one, view) for one, view in rows if view],
        "hosts": [host(one) for one in hosts.values()],
        "errors": problems(errors),
        **({"spares": msgspec.to_builtins(spares)} if spares else {}),
    }


def problems(rows: Sequence[Problem]) -> list[dict[str, str]]:
    """Error rows, as in `errors` of what `list` and `snapshot list` print."""
    return [
        {"provider": one.provider, "what": one.what, "error": one.error, "hint": one.hint} for one in rows
    ]
