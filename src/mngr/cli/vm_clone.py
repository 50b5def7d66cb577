"""`mngr vm clone`: another VM of one that is off."""

from __future__ import annotations

import click

from mngr.cli.output import check_format, format_option, quiet_option
from mngr.cli.vm_side import side
from mngr.cli.vm_things import tell


@click.command("clone")
@click.argument("vm", metavar="SOURCE")
@click.argument("label", metavar="NAME")
@format_option
@quiet_option
def clone(vm: str, label: str, form: str, quiet: bool) -> int:
    """Make another VM with what is on a VM's disk; that VM has to be off. The clone is its own: it stays when its source goes.

    \b
    mngr vm stop web
    mngr vm clone web web-2
    mngr vm start web-2

    It has another UUID, network card, port, hostname and, from its first boot on, other host keys. Snapshots aren't taken along.
    """
    from mngr.cli.progress import Progress
    from mngr.model.progress import Step

    check_format(form)
    with side() as vms, Progress(f"clone {vm}", quiet) as progress:
        progress(Step("copying the disk"))
        row, made = vms.clone(vm, label, progress)
    said = f"{'made' if made else 'was there:'} {label}, a clone of {vm}"
    tell(form, quiet, {"vm": row, "made": made}, [row], [said])
    return 0
