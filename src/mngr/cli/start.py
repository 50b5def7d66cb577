"""`mngr start`."""

import click

from mngr.cli.output import check_format, format_option, quiet_option
from mngr.cli.targets import names_argument


@click.command("start", short_help="Start agents and their hosts again.")
@names_argument
@click.option(
    "--fresh", is_flag=True, help="Begin a new conversation, where the agent would go on with its last."
)
@format_option
@quiet_option
def command(names: tuple[str, ...], fresh: bool, form: str, quiet: bool) -> int:
    """Start agents and their hosts again. An agent that runs already is left alone; the command of one that is done
    runs again. One whose type knows how goes on with its last conversation.

    \b
    mngr start my-agent
    mngr start my-agent --fresh
    mngr start @my-host      the host alone, none of its agents
    """
    from mngr.cli.progress import Progress
    from mngr.cli.report import ROW, report
    from mngr.cli.targets import find_groups, for_each
    from mngr.ops.context import Mngr, Phases
    from mngr.ops.lifecycle import alive, start
    from mngr.ops.names import Group

    check_format(form, ROW)
    mngr = Mngr()
    found = find_groups(mngr, names, quiet)

    def one(group: Group, phases: Phases) -> tuple[Group, str]:
        live = alive(group)
        start(mngr, group, phases, fresh=fresh)
        which = "" if len(live) == len(group.agents) else f"{', '.join(live)} "
        return group, f"{which}ran already" if live else ""

    with Progress("start", quiet) as progress:
        done, code = for_each(mngr, found, progress, one)
    report("started", done, form, quiet)
    return code
