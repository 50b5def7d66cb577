"""Views as plain data for programs: the shapes that `--format json` promises."""

from collections.abc import Sequence
from typing import Any

from mngr.model.clock import iso
from mngr.model.records import AgentRecord, HostRecord
from mngr.model.views import AgentView, HostView, Listing, Problem


def agent(host: HostView, view: AgentView) -> dict[str, Any]:
    """An agent with its host, as in `agents` of `mngr list --format json`."""
    record = view.record
    return {
        "name": record.name,
        "id": record.id,
        "type": record.type,
        "command": list(record.command),
        "state": view.state,
        "exit_code": view.exit_code,
        "work_dir": record.work_dir,
        "labels": dict(record.labels),
        "created_at": record.created_at,
        "active_at": iso(view.active_at) if view.active_at else None,
        "host": host_summary(host),
    }


def blank_agent(labels: dict[str, str]) -> dict[str, Any]:
    """A row like that of any agent with these labels, to check a template with before there is one."""
    nothing = HostRecord(id="", name="", provider="", backend="", created_at="")
    view = AgentView(record=AgentRecord(id="", name="", labels=labels))
    return agent(HostView(record=nothing, state="building"), view)


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
        "region": record.region,
        "labels": dict(record.labels),
        "price_per_hour": record.price_per_hour,
        "price_per_month": view.price_per_month,
        "currency": record.currency,
        "cost_so_far": view.cost_so_far,
        "paid_until": view.paid_until or None,
        "renews": view.renews,
        "stop_saves": view.stop_saves or None,
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
            "stop_reason": idle.stop_reason or None,
        },
        "problem": view.problem or None,
        "agents": [one.record.name for one in view.agents],
        "agents_known": view.agents_known,
    }


def listing(whole: Listing) -> dict[str, Any]:
    """The whole of `mngr list --format json`."""
    return {
        "agents": [agent(one, view) for one in whole.hosts for view in one.agents],
        "hosts": [host(one) for one in whole.hosts],
        "errors": problems(whole.errors),
    }


def problems(rows: Sequence[Problem]) -> list[dict[str, str]]:
    """Error rows, as in `errors` of what `list` and `snapshot list` print."""
    return [
        {"provider": one.provider, "what": one.what, "error": one.error, "hint": one.hint} for one in rows
    ]
