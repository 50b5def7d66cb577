"""`mngr pull`."""

from pathlib import Path

import click

from mngr.cli.output import check_format, format_option, quiet_option, write_json, write_rows
from mngr.model.errors import InvalidInput


@click.command("pull", short_help="Bring an agent's commits home as a branch.")
@click.argument("name")
@click.option("--branch", default="", metavar="NAME", help="The branch here (default: mngr/<agent>).")
@click.option(
    "--into",
    default=".",
    type=click.Path(exists=True, file_okay=False),
    help="The repository here (default: around this directory).",
)
@click.option("--force", is_flag=True, help="Replace the branch even if it has commits of its own.")
@format_option
@quiet_option
def command(name: str, branch: str, into: str, force: bool, form: str, quiet: bool) -> int:
    """Bring an agent's commits home as a branch.

    \b
    mngr pull my-agent && git merge mngr/my-agent
    """
    from mngr.agents import tmux
    from mngr.cli.progress import Progress
    from mngr.model.names import parse_address
    from mngr.ops import code
    from mngr.ops.context import Mngr
    from mngr.ops.run import reachable

    check_format(form)
    top = code.keeper(Path(into))
    if top is None:
        raise InvalidInput(
            f"{Path(into).absolute()} isn't in a git repository",
            hint="--into names the repository to bring the commits to",
        )
    mngr = Mngr()
    with Progress(f"pull {name}", quiet) as progress:
        progress("find")
        target = reachable(mngr, name)
        assert target.agent
        progress("commits")
        branch = branch or f"mngr/{parse_address(name).name}"
        done = code.pull(
            tmux.as_user(mngr.place(target.host.record)),
            target.agent.record.work_dir,
            top,
            branch,
            force=force,
        )
    if form == "json":
        write_json(done)
    elif form != "human":
        write_rows(form, [done])
    elif not quiet:
        click.echo(
            f"branch {done['branch']} is at {done['commit'][:12]}"
            if done["new"] == "yes"
            else "no new commits"
        )
        if int(done["uncommitted"]):
            click.echo(f"note: {done['uncommitted']} uncommitted changes stayed with the agent", err=True)
    return 0
