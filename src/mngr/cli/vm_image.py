"""`mngr vm image`: images that `mngr vm serve` has fetched."""

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
from mngr.providers.terminal import table

if TYPE_CHECKING:
    from mngr.vms.hypervisor import Hypervisor
    from mngr.vms.images import Image, Images


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
    from mngr.vms import needed
    from mngr.vms.hypervisor import connect

    check_format(form)
    with connect() as hypervisor:
        used = needed.paths(hypervisor)
        rows = [{**_row(one), "needed": one.path in used} for one in _images(hypervisor).all()]
    if for_programs(form, quiet, {"images": rows}, rows, (str(one["sha256"]) for one in rows)):
        return 0
    if not rows:
        click.echo("no images")
        return 0
    table(
        ["SHA256", "FORMAT", "SIZE", "NEEDED", "ADDRESSES"],
        [
            [
                str(one["sha256"])[:12],
                str(one["format"]),
                str(one["size"]),
                "yes" if one["needed"] else "",
                " ".join(str(url) for url in one["urls"]),  # type: ignore[attr-defined]
            ]
            for one in rows
        ],
    )
    return 0


@command.command("prune")
@format_option
@quiet_option
def prune(form: str, quiet: bool) -> int:
    """Remove images that no VM is made of and nobody asked for in the last six hours. A create fetches them again.

    \b
    mngr vm image prune
    """
    from mngr.vms import needed
    from mngr.vms.hypervisor import connect

    check_format(form)
    with connect() as hypervisor:
        rows = [_row(one) for one in needed.prune(hypervisor, _images(hypervisor))]
    if form == "json":
        write_json({"removed": rows})
    elif form != "human":
        write_rows(form, rows)
    elif not quiet:
        for one in rows:
            click.echo(f"removed {str(one['sha256'])[:12]}, {one['size']} bytes")
        if not rows:
            click.echo("nothing to remove")
    return 0


def _images(hypervisor: Hypervisor) -> Images:
    from mngr.vms.images import Images
    from mngr.vms.urls import Allowed

    return Images(hypervisor.folder / "images", Allowed(), hypervisor.clock)


def _row(image: Image) -> dict[str, object]:
    import msgspec

    return msgspec.to_builtins(image)
