"""What verbs that work on groups of agents show: what they would do, what they did, and to whom."""

from collections.abc import Callable, Mapping, Sequence

import click

from mngr.cli.output import for_programs
from mngr.ops import worktree
from mngr.ops.lifecycle import takes_host
from mngr.ops.names import Group

#: A row of what `report` shows.
ROW = {"name": "", "host": "", "provider": "", "done": "", "note": ""}

#: A group, and what is said of it.
Said = tuple[Group, str]
#: Further fields of a group's rows.
More = Callable[[Group], Mapping[str, object]]


def nothing_more(group: Group) -> Mapping[str, object]:
    return {}


def would(verb: str, found: Sequence[Said], form: str, more: More = nothing_more) -> None:
    """What a dry run shows: for people a description each, for programs as `report`."""
    if form == "human":
        for _, description in found:
            click.echo(f"would {verb} {description}")
    else:
        report(f"would_{verb}", found, form, quiet=False, more=more)


def report(verb: str, done: Sequence[Said], form: str, quiet: bool, more: More = nothing_more) -> None:
    """What was done to which group: for people a line each, for programs name, host, provider and note."""
    rows = [
        {
            "name": name,
            "host": group.host.record.name,
            "provider": group.host.record.provider,
            "done": verb,
            "note": note,
            **more(group),
        }
        for group, note in done
        for name in ([agent.record.name for agent in group.agents] or [f"@{group.host.record.name}"])
    ]
    if not for_programs(form, quiet, {verb: rows}, rows):
        for row in rows:
            click.echo(f"{verb} {row['name']}" + (f" ({row['note']})" if row["note"] else ""))


def describe(group: Group) -> str:
    """What a group is, and what a destroy takes away with it, on one line."""
    record = group.host.record
    agents = ", ".join(f"{one.record.name} ({one.state})" for one in group.agents or group.host.agents) or (
        "no agents" if group.host.agents_known else ""
    )
    if not group.host.agents_known and not group.agents:
        agents = f"{agents} and whatever else runs there" if agents else "agents that can't be read"
    if takes_host(group):
        held = (
            f" and the only copies of its {snapshots(group.host.snapshots)}" if group.host.snapshots else ""
        )
        return f"host {record.name} on {record.provider} with {agents}{held}"
    trees = [worktree.of(record, one.record) for one in group.agents] if group.host.permanent else []
    goes = [f"; its worktree {path} and branch {worktree.branch(path)} go" for path in trees if path]
    stays = "; their directories stay" if group.host.permanent and len(goes) < len(trees or [1]) else ""
    return f"{agents} on {record.name}" + "".join(goes) + stays


def snapshots(count: int) -> str:
    return f"{count} snapshot{'' if count == 1 else 's'}"
