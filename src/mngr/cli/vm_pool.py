"""`mngr vm pool`: libvirt's storage pools."""

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
    from mngr.vms.pools import Pool


@click.group("pool", short_help="Make, list and remove libvirt's storage pools.")
def command() -> None:
    """Storage pools of LIBVIRT_URI's libvirt: folders, for `mngr vm create --pool NAME`.

    \b
    mngr vm pool create fast --path /srv/nvme/vms
    mngr vm pool list
    """


@command.command("list")
@format_option
@names_option
def list_(form: str, quiet: bool) -> int:
    """List all storage pools. Sizes in bytes.

    \b
    mngr vm pool list
    """
    import msgspec

    from mngr.vms import pools
    from mngr.vms.hypervisor import connect

    check_format(form)
    with connect() as hypervisor:
        found = pools.list_(hypervisor)
    rows = [msgspec.to_builtins(one) for one in found]
    if for_programs(form, quiet, {"pools": rows}, rows, (one.name for one in found)):
        return 0
    if not found:
        click.echo("no storage pools")
        return 0
    table(
        ["NAME", "KIND", "FOLDER", "STARTED", "FREE", "VMS"],
        [
            [
                one.name,
                one.kind,
                one.path,
                "yes" if one.active else "",
                f"{one.available >> 30} GiB",
                ", ".join(one.vms),
            ]
            for one in found
        ],
    )
    return 0


@command.command("show")
@click.argument("label", metavar="NAME")
@format_option
@quiet_option
def show(label: str, form: str, quiet: bool) -> int:
    """Show a storage pool, and which VMs have a disk in it.

    \b
    mngr vm pool show fast
    """
    from mngr.vms import pools
    from mngr.vms.hypervisor import connect

    check_format(form)
    with connect() as hypervisor:
        _tell(pools.show(hypervisor, label), form, quiet)
    return 0


@command.command("create")
@click.argument("label", metavar="NAME")
@click.option(
    "--path",
    required=True,
    metavar="FOLDER",
    type=click.Path(),
    help="Its folder, which is made if it isn't there.",
)
@click.option("--autostart/--no-autostart", default=True, help="Start it with libvirtd (default).")
@format_option
@quiet_option
def create(label: str, path: str, autostart: bool, form: str, quiet: bool) -> int:
    """Make a storage pool of a folder, and start it. Given again it is the same pool.

    \b
    mngr vm pool create fast --path /srv/nvme/vms
    """
    from pathlib import Path

    from mngr.vms import pools
    from mngr.vms.hypervisor import connect

    check_format(form)
    folder = str(Path(path).expanduser().absolute())
    with connect() as hypervisor:
        found, made = pools.create(hypervisor, label, folder, autostart)
    _tell(found, form, quiet, {"made": made}, f"{'made' if made else 'was there:'} {label}")
    return 0


@command.command("delete")
@click.argument("label", metavar="NAME")
@click.option("-y", "--yes", is_flag=True, help="Don't ask.")
@format_option
@quiet_option
def delete(label: str, yes: bool, form: str, quiet: bool) -> int:
    """Have libvirt forget a storage pool, if no VM has a disk in it. Its folder stays, with what is in it.

    \b
    mngr vm pool delete fast --yes
    """
    from mngr.vms import pools
    from mngr.vms.hypervisor import connect

    check_format(form)
    with connect() as hypervisor:
        pools.get(hypervisor, label)
        confirm([f"removes storage pool {label}; its folder stays"], yes)
        pools.delete(hypervisor, label)
    row = {"pool": label, "status": "deleted"}
    if form == "json":
        write_json(row)
    elif form != "human":
        write_rows(form, [row])
    elif not quiet:
        click.echo(f"removed {label}")
    return 0


def _tell(one: Pool, form: str, quiet: bool, more: dict[str, object] | None = None, done: str = "") -> None:
    import msgspec

    row = msgspec.to_builtins(one)
    if form == "json":
        write_json({"pool": row, **(more or {})})
    elif form != "human":
        write_rows(form, [row])
    elif not quiet:
        if done:
            click.echo(done)
        for key, value in row.items():
            text = ", ".join(value) if isinstance(value, list) else str(value)
            if text:
                click.echo(f"{key + ':':<11}{text}")
