"""`mngr vm network`: libvirt's networks."""

from __future__ import annotations

import click

from mngr.cli.output import check_format, format_option, names_option, quiet_option
from mngr.cli.vm_side import side
from mngr.cli.vm_things import tell_done, tell_list, tell_one, yes_option
from mngr.providers.terminal import confirm

COLUMNS = {
    "NAME": "name", "MODE": "mode", "ADDRESSES": "cidr", "BRIDGE": "bridge", "STARTED": "active", "AUTOSTART": "autostart",
    "VMS": "vms",
}  # fmt: skip


@click.group("network", short_help="Make, list and remove libvirt's networks.")
def command() -> None:
    """Networks of LIBVIRT_URI's libvirt, for `mngr vm create --network NAME`.

    \b
    mngr vm network create lab --cidr 192.168.150.0/24
    mngr vm network list
    """


@command.command("list")
@format_option
@names_option
def list_(form: str, quiet: bool) -> int:
    """List all networks, also those that mngr didn't make.

    \b
    mngr vm network list
    """
    check_format(form)
    with side() as vms:
        rows = vms.networks()
    tell_list("networks", rows, COLUMNS, form, quiet)
    return 0


@command.command("show")
@click.argument("network", metavar="NAME")
@format_option
@quiet_option
def show(network: str, form: str, quiet: bool) -> int:
    """Show a network, and which VMs are defined with it.

    \b
    mngr vm network show lab
    """
    check_format(form)
    with side() as vms:
        row = vms.network(network)
    tell_one("network", row, form, quiet)
    return 0


@command.command("create")
@click.argument("network", metavar="NAME")
@click.option(
    "--isolated", is_flag=True, help="Without a way out: its VMs reach each other and this computer."
)
@click.option(
    "--cidr",
    default="",
    metavar="ADDRESSES",
    help="Private IPv4 addresses, such as 192.168.150.0/24 (default: free ones).",
)
@click.option("--autostart/--no-autostart", default=True, help="Start it with libvirtd (default).")
@format_option
@quiet_option
def create(network: str, isolated: bool, cidr: str, autostart: bool, form: str, quiet: bool) -> int:
    """Make a network and start it: with NAT and DHCP, on a bridge of its own. Given again it is the same network.

    \b
    mngr vm network create lab --cidr 192.168.150.0/24
    """
    check_format(form)
    mode = "isolated" if isolated else "nat"
    with side() as vms:
        row, made = vms.make_network(network, mode, cidr, autostart)
    done = f"{'made' if made else 'was there:'} {network}"
    tell_one("network", row, form, quiet, {"made": made}, done)
    return 0


@command.command("start")
@click.argument("network", metavar="NAME")
@format_option
@quiet_option
def start(network: str, form: str, quiet: bool) -> int:
    """Start a network that is stopped.

    \b
    mngr vm network start lab
    """
    check_format(form)
    with side() as vms:
        row, changed = vms.switch_network(network, on=True)
    done = f"{'started' if changed else 'was started already:'} {network}"
    tell_one("network", row, form, quiet, done=done)
    return 0


@command.command("stop")
@click.argument("network", metavar="NAME")
@format_option
@quiet_option
def stop(network: str, form: str, quiet: bool) -> int:
    """Stop a network: VMs that run with it lose it until they are started anew.

    \b
    mngr vm network stop lab
    """
    check_format(form)
    with side() as vms:
        row, changed = vms.switch_network(network, on=False)
    done = f"{'stopped' if changed else 'was stopped already:'} {network}"
    tell_one("network", row, form, quiet, done=done)
    return 0


@command.command("delete")
@click.argument("network", metavar="NAME")
@yes_option
@format_option
@quiet_option
def delete(network: str, yes: bool, form: str, quiet: bool) -> int:
    """Stop a network and have libvirt forget it, if no VM is defined with it.

    \b
    mngr vm network delete lab --yes
    """
    check_format(form)
    with side() as vms:
        vms.network(network)
        confirm([f"removes network {network}"], yes)
        vms.delete_network(network)
    tell_done(form, quiet, {"network": network, "status": "deleted"}, f"removed {network}")
    return 0
