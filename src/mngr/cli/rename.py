"""`mngr rename`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mngr.cli.output import check_format, format_option, quiet_option, write_json, write_rows

if TYPE_CHECKING:
    from mngr.ops.amend import Amended


@click.command("rename", short_help="Give an agent another name.")
@click.argument("name")
@click.argument("new")
@format_option
@quiet_option
def command(name: str, new: str, form: str, quiet: bool) -> int:
    """Give an agent another name. It runs on; its tmux session and the branches that `mngr pull` made in the repository
    around you get the name, too. Its host and its directory keep theirs.

    \b
    mngr rename my-agent fix-tests
    """
    from mngr.cli import present
    from mngr.cli.progress import Progress
    from mngr.ops.amend import rename
    from mngr.ops.context import Mngr, Phases

    check_format(form, present.blank())
    mngr = Mngr()
    with Progress(f"rename {name}", quiet) as progress:
        done = rename(mngr, name, new, Path.cwd(), Phases(mngr.clock, progress))
    if not show_agent(done, form) and not quiet:
        click.echo(f"renamed {name} to {new}")
        for former, branch in done.branches.items():
            click.echo(f"branch {former} is called {branch} now")
    return 0


def show_agent(done: "Amended", form: str) -> bool:
    """The agent as it is now, for programs; False where it is for people."""
    from mngr.cli import present

    if form == "human":
        return False
    data = present.agent(done.host, done.agent)
    if form == "json":
        write_json({"agent": data, "branches": done.branches})
    else:
        whole = present.in_full(done.host, done.agent)
        write_rows(form, [data if form == "jsonl" else whole], present.blank())
    return True
