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
    """Put this terminal on an agent; Ctrl-b d leaves it running. A connection that breaks is made again, for 15 minutes.

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


#: A connection that broke is tried again after so many seconds; then each time after twice as many, up to the longest pause.
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0
#: So long, in seconds, is it tried.
LIMIT_S = 900.0


def attach(mngr: "Mngr", name: str) -> int:
    """Runs the terminal client until the user leaves; again where the connection broke. The client's exit code."""
    from mngr.cli.exec import pass_through
    from mngr.ops.run import attach_argv
    from mngr.transport.base import SSH_FAILED

    argv = attach_argv(mngr, name)
    while True:
        code = pass_through(argv)
        if code != SSH_FAILED or argv[0] != "ssh":
            return code
        argv = _again(mngr, name)


def _again(mngr: "Mngr", name: str) -> list[str]:
    """What puts this terminal on the agent again, once its host can be reached. Raises what says that it won't come back: its
    host is down, it is stopped or gone, its key is another one; Unreachable at the limit."""
    from mngr.model.errors import TimedOut, Unreachable
    from mngr.ops.run import attach_argv
    from mngr.transport.ssh import HostKeyMismatch, KeyRefused

    pause, since = FIRST_PAUSE_S, mngr.clock.monotonic()
    # What the agent's terminal was switched to may be on still: another screen, the mouse, pasting in brackets, a hidden cursor.
    click.echo(
        "\033[?1049l\033[?1000l\033[?1002l\033[?1003l\033[?1006l\033[?2004l\033[?25h\033[0m\r",
        err=True,
        nl=False,
    )
    said = "the connection broke"
    while True:
        click.echo(
            f"mngr: {name}: {said}; trying again in {pause:g} s (Ctrl-C ends this, {name} runs on)", err=True
        )
        mngr.clock.sleep(pause)
        try:
            return attach_argv(mngr, name)
        except (HostKeyMismatch, KeyRefused):
            raise
        except (Unreachable, TimedOut) as error:
            if mngr.clock.monotonic() - since > LIMIT_S:
                raise
            said = error.message
        pause = min(2 * pause, LONGEST_PAUSE_S)
