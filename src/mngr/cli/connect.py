"""`mngr connect`."""

import sys
from typing import TYPE_CHECKING

import click

from mngr.model.errors import InvalidInput

if TYPE_CHECKING:
    from mngr.ops.context import Mngr


@click.command("connect", short_help="Put this terminal on an agent.")
@click.argument("name")
@click.option("--start/--no-start", default=True, help="Start the agent if it is stopped (default).")
def command(name: str, start: bool) -> int:
    """Put this terminal on an agent; Ctrl-b d leaves it running.

    \b
    mngr connect my-agent
    """
    from mngr.ops.context import Mngr

    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise InvalidInput(
            "connect needs a terminal", hint=f"`mngr exec {name} …` and `mngr logs {name}` work without one"
        )
    mngr = Mngr()
    if start:
        from mngr.cli.targets import find_groups

        [group] = find_groups(mngr, [name])
        if group.host.state != "running" or any(agent.state == "stopped" for agent in group.agents):
            from mngr.cli.progress import Progress
            from mngr.ops.context import Phases
            from mngr.ops.lifecycle import start as start_group

            with Progress(f"start {name}") as progress:
                start_group(mngr, group, Phases(mngr.clock, progress))
    return attach(mngr, name)


def attach(mngr: "Mngr", name: str) -> int:
    """Runs the terminal client until the user leaves."""
    from mngr.cli.exec import pass_through
    from mngr.ops.run import attach_argv

    return pass_through(attach_argv(mngr, name))
