"""`mngr logs`."""

import sys

import click


@click.command("logs", short_help="Show what an agent printed, or how a machine booted.")
@click.argument("name")
@click.option(
    "--boot",
    is_flag=True,
    help="The boot log of a machine instead; of one that didn't come up, what was kept.",
)
@click.option(
    "-n", "--lines", type=click.IntRange(1), help="At most so many lines of the end (default: all)."
)
@click.option("--raw", is_flag=True, help="All that was written to the terminal, with its control sequences.")
def command(name: str, boot: bool, lines: int | None, raw: bool) -> int:
    """Show what an agent printed, as its terminal showed it, also while its host is down; or how a machine booted.

    \b
    mngr logs my-agent
    mngr logs my-agent -n 20
    mngr logs my-agent --boot
    """
    from mngr.model.plain import plain
    from mngr.ops import run
    from mngr.ops.context import Mngr

    mngr = Mngr()
    if boot:
        click.echo(run.boot_log(mngr, name, lines or 0), nl=False)
        return 0
    output = run.logs(mngr, name, lines or 0, raw=raw)
    if raw:
        sys.stdout.buffer.write(output)
    else:
        click.echo(plain(output.decode(errors="replace")), nl=False)
    return 0
