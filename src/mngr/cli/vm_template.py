"""`mngr vm template`: what VMs may be made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mngr.cli.output import check_format, format_option, names_option, quiet_option
from mngr.cli.vm_side import service
from mngr.cli.vm_things import as_row, tell_list, tell_one

if TYPE_CHECKING:
    from mngr.vms.presets import Found

COLUMNS = {key.upper(): key for key in ("name", "memory", "vcpus", "disk", "about")}


@click.group("template", short_help="List and show templates of VMs.")
def command() -> None:
    """Templates for `mngr vm create --template`: files NAME.toml in the folder VM_PROVISIONER_TEMPLATES, in ~/.mngr/templates, and in
    mngr itself.

    \b
    mngr vm template list
    mngr vm template show debian-12
    """


@command.command("list")
@format_option
@names_option
def list_(form: str, quiet: bool) -> int:
    """List all templates. Memory in MiB, disks in GiB. Exit code 5 if a file can't be used.

    \b
    mngr vm template list
    """
    check_format(form)
    found = _all()
    good = [_row(one) for one in found if one.template]
    broken = [{"name": one.name, "path": one.path, "error": one.problem} for one in found if one.problem]
    for one in broken:
        click.echo(f"mngr: {one['error']}", err=True)
    tell_list("templates", good, COLUMNS, form, quiet, {"templates": good, "errors": broken})
    return 5 if broken else 0


@command.command("show")
@click.argument("label", metavar="NAME")
@format_option
@quiet_option
def show(label: str, form: str, quiet: bool) -> int:
    """Show a template.

    \b
    mngr vm template show debian-12
    """
    from mngr.vms import presets

    check_format(form)
    if service():
        known = {one.name: one.template for one in _all() if one.template}
        if label not in known:
            raise presets.unknown(label, [*known])
        template = known[label]
    else:
        template = presets.get(label)
    row = {"name": label, **as_row(template)}
    tell_one("template", row, form, quiet)
    return 0


def _all() -> list[Found]:
    """The service's, if one is named."""
    from mngr.vms import presets

    if there := service():
        return there.templates()
    return presets.all_()


def _row(one: Found) -> dict[str, object]:
    return {"name": one.name, "path": one.path, **(as_row(one.template) if one.template else {})}
