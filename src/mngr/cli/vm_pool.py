"""`mngr vm pool`: libvirt's storage pools."""

from __future__ import annotations

from typing import Any

import click

from mngr.cli.output import check_format, format_option, names_option, quiet_option
from mngr.cli.vm_things import as_row, tell_done, tell_list, tell_one, yes_option
from mngr.providers.terminal import confirm

COLUMNS: dict[str, Any] = {
    "NAME": "name", "KIND": "kind", "FOLDER": "path", "STARTED": "active",
    "FREE": lambda row: f"{row['available'] >> 30} GiB", "VMS": "vms",
}  # fmt: skip


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
    from mngr.vms import pools
    from mngr.vms.hypervisor import connect

    check_format(form)
    with connect() as hypervisor:
        rows = [as_row(one) for one in pools.list_(hypervisor)]
    tell_list("pools", rows, COLUMNS, form, quiet, none="no storage pools")
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
        row = as_row(pools.show(hypervisor, label))
    tell_one("pool", row, form, quiet)
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
    tell_one(
        "pool", as_row(found), form, quiet, {"made": made}, f"{'made' if made else 'was there:'} {label}"
    )
    return 0


@command.command("delete")
@click.argument("label", metavar="NAME")
@yes_option
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
        pools.show(hypervisor, label)
        confirm([f"removes storage pool {label}; its folder stays"], yes)
        pools.delete(hypervisor, label)
    tell_done(form, quiet, {"pool": label, "status": "deleted"}, f"removed {label}")
    return 0
