"""`mngr list`."""

from collections import Counter
from typing import TYPE_CHECKING

import click

from mngr.cli.output import (
    check_format,
    format_option,
    names_option,
    show_problems,
    write_json,
    write_names,
    write_rows,
)
from mngr.providers.terminal import table

if TYPE_CHECKING:
    from mngr.model.views import HostView, Listing


@click.command("list", short_help="Show agents, hosts, and what they cost.")
@click.option(
    "--provider", "providers", multiple=True, metavar="NAME", help="Only this provider instance (repeatable)."
)
@format_option
@names_option
def command(providers: tuple[str, ...], form: str, quiet: bool) -> int:
    """Show agents, hosts, and what they cost.

    \b
    mngr list
    mngr list --format '{name} {state} {host.provider}'
    mngr list -q | mngr stop -

    Exit code 5 if something couldn't be read; the rest is listed all the same.
    """
    from mngr.cli.progress import waiting
    from mngr.ops.context import Mngr
    from mngr.ops.listing import list_hosts

    check_format(form)
    mngr = Mngr()
    with waiting("list", quiet):
        whole = list_hosts(mngr, providers)
    if form == "human" and quiet:
        write_names(_addresses(whole))
    elif form == "human":
        _show(whole, mngr.clock.now())
    else:
        from mngr.ops import present

        data = present.listing(whole)
        write_json(data) if form == "json" else write_rows(form, data["agents"])
    if form != "json":
        show_problems(whole.errors)
    return 5 if whole.errors or any(host.state == "unreachable" for host in whole.hosts) else 0


def _show(whole: "Listing", now: float) -> None:
    rows = []
    for host in whole.hosts:
        record = host.record
        place = [
            f"{record.name}.{record.provider}",
            host.state,
            _price(host),
            _so_far(host),
            _idle(host, now),
        ]
        for agent in host.agents:
            state = f"done ({agent.exit_code})" if agent.state == "done" else agent.state
            labels = _pairs(agent.record.labels)
            rows.append([agent.record.name, state, *place, agent.record.type, _note(host), labels])
        if not host.agents:
            rows.append(
                [f"@{record.name}", "" if host.agents_known else "unknown", *place, "", _note(host), ""]
            )
    if not rows:
        click.echo(
            "no agents yet; `mngr create my-agent` makes one"
            if not whole.errors
            else "no agents could be read"
        )
        return
    table(
        ["NAME", "STATE", "HOST", "HOST STATE", "PRICE", "COST SO FAR", "IDLE", "TYPE", "NOTE", "LABELS"],
        rows,
    )


def _addresses(whole: "Listing") -> list[str]:
    """The agents as other verbs take them: by name, where one name is several agents' in full. Hosts without agents."""
    found = []
    count = Counter(agent.record.name for host in whole.hosts for agent in host.agents)
    for host in whole.hosts:
        place = f"@{host.record.name}.{host.record.provider}"
        for agent in host.agents:
            name = agent.record.name
            found.append(f"{name}{place}" if count[name] > 1 else name)
        if not host.agents:
            found.append(place)
    return found


def _idle(host: "HostView", now: float) -> str:
    idle = host.idle
    if idle is None:
        return ""
    parts = []
    if host.state == "running" and idle.idle_since:
        after = f" (after {idle.last_seen})" if idle.last_seen else ""
        parts.append(f"for {span(now - idle.idle_since)}{after}")
        if idle.stops_at:
            parts.append(f"stops in {span(idle.stops_at - now)}")
    if host.state == "running" and idle.lifetime_ends_at:
        parts.append(f"ends in {span(idle.lifetime_ends_at - now)}")
    return ", ".join(parts)


def _price(host: "HostView") -> str:
    record = host.record
    if record.price_per_hour:
        return f"{record.price_per_hour:.4g} {record.currency}/h"
    return f"{host.price_per_month:.4g} {record.currency}/month" if host.price_per_month else ""


def _so_far(host: "HostView") -> str:
    parts = []
    if host.cost_so_far is not None and host.record.price_per_hour:
        parts.append(f"{host.cost_so_far:.2f} {host.record.currency}")
    if host.paid_until:
        parts.append(
            f"paid until {host.paid_until}"
            + ("" if host.renews is None else ", renews" if host.renews else ", ends")
        )
    return ", ".join(parts)


def _note(host: "HostView") -> str:
    down = host.state in ("stopped", "paused", "crashed") and host.record.price_per_hour
    parts = [f"a stop saves {host.stop_saves}" if down and host.stop_saves else ""]
    parts += [host.problem, host.idle.stop_reason if host.idle else ""]
    if host.record.ssh_trust != "pinned":
        parts.append(f"ssh_trust: {host.record.ssh_trust}")
    return "; ".join(part for part in parts if part)


def _pairs(labels: dict[str, str]) -> str:
    return " ".join(f"{key}={value}" for key, value in labels.items())


def span(seconds: float) -> str:
    """`42s`, `7m`, `3h`, `2d`."""
    seconds = max(0.0, seconds)
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f}{unit}"
    return f"{seconds:.0f}s"
