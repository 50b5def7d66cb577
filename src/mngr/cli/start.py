"""`mngr start`."""

import click

from mngr.cli.output import check_format, format_option, quiet_option
from mngr.cli.targets import names_argument


@click.command("start", short_help="Start agents and their hosts again.")
@names_argument
@format_option
@quiet_option
def command(names: tuple[str, ...], form: str, quiet: bool) -> int:
    """Start agents and their hosts again. An agent that runs already is left alone; the command of one that is done
    runs again.

    \b
    mngr start my-agent
    mngr start @my-host      the host alone, none of its agents
    """
    from mngr.cli.progress import Progress
    from mngr.cli.report import ROW, report
    from mngr.cli.targets import find_groups, for_each
    from mngr.ops.context import Mngr, Phases
    from mngr.ops.lifecycle import start
    from mngr.ops.names import Group

    check_format(form, ROW)
    mngr = Mngr()
    found = find_groups(mngr, names, quiet)

    def one(group: Group, phases: Phases) -> tuple[Group, str]:
        start(mngr, group, phases)
        return group, ""

    with Progress("start", quiet) as progress:
        done, code = for_each(mngr, found, progress, one)
    report("started", done, form, quiet)
    return code
