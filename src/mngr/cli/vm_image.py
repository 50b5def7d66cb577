"""`mngr vm image`: images that `mngr vm serve` has fetched."""

from __future__ import annotations

from typing import Any

import click

from mngr.cli.output import check_format, format_option, names_option, quiet_option
from mngr.cli.vm_side import only_here, side
from mngr.cli.vm_things import as_row, tell, tell_list

COLUMNS: dict[str, Any] = {
    "SHA256": lambda row: row["sha256"][:12], "FORMAT": "format", "SIZE": "size", "NEEDED": "needed",
    "ADDRESSES": lambda row: " ".join(row["urls"]),
}  # fmt: skip


@click.group("image", short_help="List images that were fetched, and remove those that no VM needs.")
def command() -> None:
    """Images that `mngr vm serve` has fetched, beside the disks of LIBVIRT_URI's VMs.

    \b
    mngr vm image list
    mngr vm image prune
    """


@command.command("list")
@format_option
@names_option
def list_(form: str, quiet: bool) -> int:
    """List the images that are here, and whether a VM is made of them. Sizes in bytes.

    \b
    mngr vm image list
    """
    check_format(form)
    with side() as vms:
        rows = vms.images()
    tell_list("images", rows, COLUMNS, form, quiet, name="sha256")
    return 0


@command.command("prune")
@format_option
@quiet_option
def prune(form: str, quiet: bool) -> int:
    """Remove images that no VM is made of and nobody asked for in the last six hours. A create fetches them again.

    \b
    mngr vm image prune
    """
    from mngr.cli.vm_here import images
    from mngr.vms import needed
    from mngr.vms.hypervisor import connect

    check_format(form)
    only_here("`mngr vm image prune`")
    with connect() as hypervisor:
        rows = [as_row(one) for one in needed.prune(hypervisor, images(hypervisor))]
    said = [f"removed {one['sha256'][:12]}, {one['size']} bytes" for one in rows]
    tell(form, quiet, {"removed": rows}, rows, said or ["nothing to remove"])
    return 0
