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
    "-n",
    "--bytes",
    "size",
    type=click.IntRange(1, 16 << 20),
    default=64 << 10,
    help="At most this much of the end (default 65536).",
)
@click.option("--raw", is_flag=True, help="All that was written to the terminal, with its control sequences.")
def command(name: str, boot: bool, size: int, raw: bool) -> int:
    """Show what an agent printed, as its terminal showed it; or how a machine booted.

    \b
    mngr logs my-agent
    mngr logs my-agent --boot
    """
    from mngr.ops import run
    from mngr.ops.context import Mngr

    mngr = Mngr()
    if boot:
        click.echo(run.boot_log(mngr, name, size), nl=False)
        return 0
    output = run.logs(mngr, name, size, raw=raw)
    if raw:
        sys.stdout.buffer.write(output)
    else:
        click.echo(run.plain(output.decode(errors="replace")), nl=False)
    return 0
