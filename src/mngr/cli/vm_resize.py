"""`mngr vm resize` and `mngr vm autostart`: changing a VM that is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mngr.cli.output import check_format, format_option, quiet_option
from mngr.cli.vm_side import side
from mngr.cli.vm_things import tell

if TYPE_CHECKING:
    from mngr.vms.resize import Change

_WORDS = {"memory_mib": "memory", "disk_gib": "disk"}


@click.command("resize")
@click.argument("vm", metavar="NAME")
@click.option("--memory", type=int, metavar="MIB", help="Memory in MiB.")
@click.option("--vcpus", type=int, metavar="N", help="Processors.")
@click.option("--disk", type=int, metavar="GIB", help="Size of its disk in GiB; it only grows.")
@format_option
@quiet_option
def resize(vm: str, memory: int | None, vcpus: int | None, disk: int | None, form: str, quiet: bool) -> int:
    """Change a VM's size. A disk grows at once; the guest's file system follows at its next boot, where its image does that.

    \b
    mngr vm resize web --memory 4096 --disk 40

    What a VM that runs can't take on is said, and counts from its next start on.
    """
    from mngr.model.errors import InvalidInput
    from mngr.vms.resize import Change

    if memory is None and vcpus is None and disk is None:
        raise InvalidInput("nothing to change", hint="give --memory, --vcpus or --disk")
    return _change(vm, Change(memory_mib=memory, vcpus=vcpus, disk_gib=disk), form, quiet)


@click.command("autostart")
@click.argument("vm", metavar="NAME")
@click.argument("switch", metavar="on|off", type=click.Choice(["on", "off"]))
@format_option
@quiet_option
def autostart(vm: str, switch: str, form: str, quiet: bool) -> int:
    """Say whether a VM starts with libvirtd.

    \b
    mngr vm autostart web on
    """
    from mngr.vms.resize import Change

    return _change(vm, Change(autostart=switch == "on"), form, quiet)


def _change(vm: str, change: Change, form: str, quiet: bool) -> int:
    check_format(form)
    with side() as vms:
        row, *names = vms.resize(vm, change)
    changed, late = ([_WORDS.get(one, one) for one in some] for some in names)
    said = [f"changed {vm}: {', '.join(changed)}" if changed else f"{vm} is defined so already"]
    said += [f"at its next start: {', '.join(late)}"] if late else []
    tell(form, quiet, {"vm": row, "changed": changed, "at_next_start": late}, [row], said)
    return 0
