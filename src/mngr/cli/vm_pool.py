"""`mngr vm pool`: libvirt's storage pools."""

from __future__ import annotations

from typing import Any

import click

from mngr.cli.output import check_format, format_option, names_option, quiet_option
from mngr.cli.vm_side import side
from mngr.cli.vm_things import tell_done, tell_list, tell_one, yes_option
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
    check_format(form)
    with side() as vms:
        rows = vms.pools()
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
    check_format(form)
    with side() as vms:
        row = vms.pool(label)
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
    check_format(form)
    with side() as vms:
        row, made = vms.make_pool(label, path, autostart)
    done = f"{'made' if made else 'was there:'} {label}"
    tell_one("pool", row, form, quiet, {"made": made}, done)
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
    check_format(form)
    with side() as vms:
        vms.pool(label)
        confirm([f"removes storage pool {label}; its folder stays"], yes)
        vms.delete_pool(label)
    tell_done(form, quiet, {"pool": label, "status": "deleted"}, f"removed {label}")
    return 0
