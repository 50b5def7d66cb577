"""`mngr ssh-config`."""

import click


@click.command("ssh-config", short_help="Print ssh settings for your own ssh.")
def command() -> int:
    """Print the settings that let your own ssh, scp, rsync or editor reach the hosts. mngr never edits ~/.ssh.

    \b
    mngr ssh-config > ~/.ssh/mngr.conf     then once, at the top of ~/.ssh/config: Include mngr.conf
    ssh my-host
    """
    from mngr.ops.context import Mngr
    from mngr.ops.listing import list_hosts
    from mngr.transport.ssh import Ssh, config_text

    mngr = Mngr()
    whole = list_hosts(mngr)
    for host in whole.hosts:
        transport = (
            mngr.provider(host.record.provider).transport(host.record) if host.record.address else None
        )
        if isinstance(transport, Ssh):
            click.echo(
                config_text(transport.target).replace(
                    f"Host {transport.target.alias}", f"Host {host.record.name} {transport.target.alias}", 1
                )
            )
    for problem in whole.errors:
        click.echo(f"mngr: {problem.provider}: {problem.error}", err=True)
    return 5 if whole.errors else 0
