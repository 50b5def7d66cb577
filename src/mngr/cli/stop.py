"""`mngr stop`."""

from typing import TYPE_CHECKING

import click

from mngr.cli.output import check_format, format_option, quiet_option
from mngr.cli.targets import names_argument

if TYPE_CHECKING:
    from mngr.ops.lifecycle import Stopped


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
    from mngr.cli.report import ROW, describe, report, would
    from mngr.cli.targets import find_groups, for_each
    from mngr.ops.context import Mngr
    from mngr.ops.lifecycle import stop

    check_format(form, ROW)
    mngr = Mngr()
    found = find_groups(mngr, names, quiet)
    if dry_run:
        would("stop", [(group, describe(group)) for group in found], form)
        return 0
    with Progress("stop", quiet) as progress:
        done, code = for_each(
            mngr, found, progress, lambda group, phases: (group, note(stop(mngr, group, phases)))
        )
    report("stopped", done, form, quiet)
    return code


def note(done: "Stopped") -> str:
    """What became of the bill, where a host was stopped."""
    from mngr.cli.columns import saved

    return f"which saves {saved(done.saves)}" if done.saves else ""
