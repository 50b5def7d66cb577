"""`mngr ssh-config`."""

import click


@click.command("ssh-config", short_help="Print ssh settings for your own ssh.")
@click.option(
    "-o", "--output", metavar="FILE", help="Write FILE, whole or not at all, instead of standard output."
)
def command(output: str | None) -> int:
    """Print the settings that let your own ssh, scp, rsync, git or editor reach agents. mngr never edits ~/.ssh/config.

    \b
    mngr ssh-config -o ~/.ssh/mngr.conf     then once, at the top of ~/.ssh/config: Include mngr.conf
    ssh my-agent                            its work dir, with its environment
    ssh second.my-host.docker               in full
    ssh root@my-host.docker                 the host itself

    What your own configuration says for all hosts (Host *: a jump host, a command, forwards) doesn't hold for these.
    Hosts of a provider that can't be read stay as they were last seen (exit code 5).
    """
    from mngr.cli.output import show_problems
    from mngr.ops.mngr import Mngr

    made = Mngr().ssh_config(output)
    if output is None:
        click.echo(made.text, nl=False)
    for name, (first, *others) in made.shared.items():
        click.echo(
            f"mngr: several are called {name}: `ssh {name}` is {first}; else: {', '.join(others)}", err=True
        )
    show_problems(made.errors)
    if made.remembered:
        click.echo(f"mngr: as last seen, not asked now: {', '.join(made.remembered)}", err=True)
    return 5 if made.errors else 0
