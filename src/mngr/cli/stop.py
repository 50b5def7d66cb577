"""`mngr stop`."""

from collections.abc import Callable
from typing import Any

import click

from mngr.cli.output import check_format, format_option, quiet_option, write_json, write_rows
from mngr.cli.targets import names_argument

#: A row of what `report` shows.
ROW = {"name": "", "host": "", "provider": "", "done": "", "note": ""}


@click.command("stop", short_help="Stop agents, and hosts that nobody needs then.")
@names_argument
@click.option("--dry-run", is_flag=True, help="Show what would be stopped.")
@format_option
@quiet_option
def command(names: tuple[str, ...], dry_run: bool, form: str, quiet: bool) -> int:
    """Stop agents, and hosts that nobody needs then. What they made stays.

    \b
    mngr stop my-agent
    mngr list --format '{name}' | mngr stop -
    """
    from mngr.cli.progress import Progress
    from mngr.cli.targets import find_groups, for_each, several
    from mngr.ops.context import Mngr, Phases
    from mngr.ops.lifecycle import describe, stop

    check_format(form, ROW)
    mngr = Mngr()
    found = find_groups(mngr, names, quiet)
    if dry_run:
        would("stop", [(group, describe(group)) for group in found], form)
        return 0
    with Progress(f"stop {several(names)}", quiet) as progress:
        notes, code = for_each(found, lambda group: (group, stop(mngr, group, Phases(mngr.clock, progress))))
    report("stopped", notes, form, quiet)
    return code


def would(
    verb: str, found: list[Any], form: str, more: Callable[[Any], dict[str, Any]] = lambda group: {}
) -> None:
    """What a dry run shows: for people a description each, for programs as `report`. `more`: fields of each row."""
    if form == "human":
        for _, description in found:
            click.echo(f"would {verb} {description}")
    else:
        report(f"would_{verb}", found, form, quiet=False, more=more)


def report(
    verb: str,
    done: list[Any],
    form: str,
    quiet: bool,
    more: Callable[[Any], dict[str, Any]] = lambda group: {},
) -> None:
    """What was done to which group: for people a line each, for programs name, host, provider and note."""
    rows = [
        {
            "name": name,
            "host": group.host.record.name,
            "provider": group.host.record.provider,
            "done": verb,
            "note": note or "",
            **more(group),
        }
        for group, note in done
        for name in ([agent.record.name for agent in group.agents] or [f"@{group.host.record.name}"])
    ]
    if form == "json":
        write_json({verb: rows})
    elif form != "human":
        write_rows(form, rows)
    elif not quiet:
        for row in rows:
            click.echo(f"{verb} {row['name']}" + (f" ({row['note']})" if row["note"] else ""))
