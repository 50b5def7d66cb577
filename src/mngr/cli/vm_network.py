"""`mngr vm network`: libvirt's networks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mngr.cli.output import (
    check_format,
    for_programs,
    format_option,
    names_option,
    quiet_option,
    write_json,
    write_rows,
)
from mngr.providers.terminal import confirm, table

if TYPE_CHECKING:
    from mngr.vms.networks import Network


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
    import msgspec

    from mngr.vms import networks
    from mngr.vms.hypervisor import connect

    check_format(form)
    with connect() as hypervisor:
        found = networks.list_(hypervisor)
    rows = [msgspec.to_builtins(one) for one in found]
    if for_programs(form, quiet, {"networks": rows}, rows, (one.name for one in found)):
        return 0
    if not found:
        click.echo("no networks")
        return 0
    table(
        ["NAME", "MODE", "ADDRESSES", "BRIDGE", "STARTED", "AUTOSTART", "VMS"],
        [
            [
                one.name, one.mode, one.cidr, one.bridge, "yes" if one.active else "", "yes" if one.autostart else "",
                ", ".join(one.vms),
            ]
            for one in found
        ],
    )  # fmt: skip
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
    from mngr.vms import networks
    from mngr.vms.hypervisor import connect

    check_format(form)
    with connect() as hypervisor:
        _tell(networks.show(hypervisor, network), form, quiet)
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
    from mngr.vms import networks
    from mngr.vms.hypervisor import connect

    check_format(form)
    mode = networks.ISOLATED if isolated else networks.NAT
    with connect() as hypervisor:
        found, made = networks.create(hypervisor, network, mode, cidr, autostart)
    _tell(found, form, quiet, {"made": made}, f"{'made' if made else 'was there:'} {network}")
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
    from mngr.vms import networks
    from mngr.vms.hypervisor import connect

    check_format(form)
    with connect() as hypervisor:
        changed = networks.start(hypervisor, network)
        found = networks.show(hypervisor, network)
    _tell(found, form, quiet, {}, f"{'started' if changed else 'was started already:'} {network}")
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
    from mngr.vms import networks
    from mngr.vms.hypervisor import connect

    check_format(form)
    with connect() as hypervisor:
        changed = networks.stop(hypervisor, network)
        found = networks.show(hypervisor, network)
    _tell(found, form, quiet, {}, f"{'stopped' if changed else 'was stopped already:'} {network}")
    return 0


@command.command("delete")
@click.argument("network", metavar="NAME")
@click.option("-y", "--yes", is_flag=True, help="Don't ask.")
@format_option
@quiet_option
def delete(network: str, yes: bool, form: str, quiet: bool) -> int:
    """Stop a network and have libvirt forget it, if no VM is defined with it.

    \b
    mngr vm network delete lab --yes
    """
    from mngr.vms import networks
    from mngr.vms.hypervisor import connect

    check_format(form)
    with connect() as hypervisor:
        networks.get(hypervisor, network)
        confirm([f"removes network {network}"], yes)
        networks.delete(hypervisor, network)
    row = {"network": network, "status": "deleted"}
    if form == "json":
        write_json(row)
    elif form != "human":
        write_rows(form, [row])
    elif not quiet:
        click.echo(f"removed {network}")
    return 0


def _tell(
    one: Network, form: str, quiet: bool, more: dict[str, object] | None = None, done: str = ""
) -> None:
    import msgspec

    row = msgspec.to_builtins(one)
    if form == "json":
        write_json({"network": row, **(more or {})})
    elif form != "human":
        write_rows(form, [row])
    elif not quiet:
        if done:
            click.echo(done)
        for key, value in row.items():
            text = ", ".join(value) if isinstance(value, list) else str(value)
            if text:
                click.echo(f"{key + ':':<11}{text}")
