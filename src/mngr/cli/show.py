"""`mngr show`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from mngr.cli.output import check_format, format_option, quiet_option, write_json, write_rows
from mngr.model.states import DOWN

if TYPE_CHECKING:
    from mngr.cli.rows import Row


#: What was seen longer ago, in seconds, doesn't keep a host up any more: that is looked at each few seconds.
KEPT_S = 30


@click.command("show", short_help="Show everything of one agent, its host and its cost.")
@click.argument("name")
@format_option
@quiet_option
def command(name: str, form: str, quiet: bool) -> int:
    """Show everything of one agent, its host, what it costs and when it stops; of a host, as @HOST.

    \b
    mngr show my-agent
    mngr show my-agent --format '{host.address} {host.idle.stops_at}'

    Exit code 5 if its host can't be reached: what was known before is shown.
    """
    from mngr.cli import present
    from mngr.cli.progress import waiting
    from mngr.cli.rows import Row
    from mngr.ops.context import Mngr
    from mngr.ops.names import resolve

    check_format(form, present.blank())
    mngr = Mngr()
    with waiting("show", quiet):
        [target] = resolve(mngr, [name])
    row = Row(target.host, target.agent)
    if form == "human":
        for title, value in _lines(row, mngr.clock.now()):
            click.echo(f"{title:<12} {click.unstyle(value)}".rstrip())
    elif form == "json":
        agent = present.agent(row.host, row.agent) if row.agent else None
        write_json({"agent": agent, "host": present.host(row.host)})
    else:
        write_rows(form, [present.in_full(*row)], present.blank())
    return 5 if row.host.state == "unreachable" else 0


def _lines(row: "Row", now: float) -> Iterator[tuple[str, str]]:
    """Title and value of each line; what there is nothing to say of is left out."""
    if row.agent:
        yield from _filled(_of_agent(row, now))
        yield "", ""
    yield from _filled(_of_host(row, now))


def _filled(values: dict[str, str]) -> Iterator[tuple[str, str]]:
    return ((title, value) for title, value in values.items() if value)


def _of_agent(row: "Row", now: float) -> dict[str, str]:
    import shlex

    from mngr.cli.columns import agent_state, pairs, span

    agent = row.agent
    assert agent
    alive = agent.state in ("running", "waiting")
    record = agent.record
    return {
        "agent": record.name,
        "id": record.id,
        "state": agent_state(agent) + (f", for {span(now - agent.since)}" if agent.since and alive else ""),
        "seen by": agent.signal if alive else "",
        "exit code": "" if agent.exit_code is None else str(agent.exit_code),
        "active": f"{span(now - agent.active_at)} ago" if agent.active_at else "",
        "type": record.type,
        "command": shlex.join(record.command),
        "directory": record.work_dir,
        "labels": pairs(record.labels),
        "created": record.created_at,
    }


def _of_host(row: "Row", now: float) -> dict[str, str]:
    from mngr.cli import columns

    host, record = row.host, row.host.record
    others = [one.record.name for one in host.agents if row.agent is None or one is not row.agent]
    known = "" if host.agents_known else "and others that can't be read"
    where = f"{record.ssh_user}@{record.address}:{record.ssh_port}" if record.address else ""
    return {
        "host": f"{record.name}.{record.provider}",
        "id": record.id,
        "state": columns.host_state(host, now),
        "note": columns.note(host),
        "others" if row.agent else "agents": " ".join([*others, known]).strip(),
        "address": where,
        "plan": " ".join(one for one in (record.plan, record.region, "spot" if host.spot else "") if one),
        "image": record.image,
        "user": record.user,
        "labels": columns.pairs(record.labels),
        "created": record.created_at,
        "snapshots": str(host.snapshots or ""),
        **_money(row),
        **_idle(row, now),
    }


def _money(row: "Row") -> dict[str, str]:
    from mngr.cli import columns

    return {
        "price": columns.price(row.host),
        "cost so far": columns.so_far(row.host),
        "a stop saves": columns.saves(row.host),
    }


def _idle(row: "Row", now: float) -> dict[str, Any]:
    from mngr.cli import columns

    idle = row.host.idle
    if idle is None:
        return {}
    after = f" after {columns.span(idle.timeout_s)}" if idle.timeout_s else ", never" if idle.mode else ""
    up = row.host.state == "running" and idle.timeout_s > 0
    cap, ends_at = row.host.record.idle.max_lifetime_s, idle.lifetime_ends_at
    ends = f", ends in {columns.span(ends_at - now)}" if ends_at else ""
    return {
        "idle mode": f"{idle.mode}{after}",
        "lifetime": f"{columns.span(cap)}{ends}" if cap else "",
        ("kept up by" if now - (idle.idle_since or 0) < KEPT_S else "last seen"): (
            f"{idle.last_seen} {columns.span(now - idle.idle_since)} ago" if up and idle.idle_since else ""
        ),
        "idle": columns.idle(row.host, now),
        "stopped" if row.host.state in DOWN else "stops": idle.stop_reason,
    }
