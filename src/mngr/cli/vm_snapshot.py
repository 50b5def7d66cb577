"""`mngr vm snapshot`: snapshots of VMs."""

from __future__ import annotations

import click

from mngr.cli.output import check_format, format_option, names_option, quiet_option
from mngr.cli.vm_side import side
from mngr.cli.vm_things import tell, tell_done, tell_list, yes_option
from mngr.providers.terminal import confirm

COLUMNS = {"NAME": "name", "STATE": "state", "CREATED": "created_at", "CURRENT": "current"}


@click.group("snapshot", short_help="Take, list, restore and delete snapshots of a VM.")
def command() -> None:
    """Snapshots of VMs, inside their disks: of a running one with its memory. They go with their VM.

    \b
    mngr vm snapshot create web before-the-upgrade
    mngr vm snapshot restore web before-the-upgrade
    """


@command.command("create")
@click.argument("vm")
@click.argument("label", metavar="NAME")
@format_option
@quiet_option
def create(vm: str, label: str, form: str, quiet: bool) -> int:
    """Take a snapshot. A running VM stands still meanwhile, and goes on.

    \b
    mngr vm snapshot create web before-the-upgrade
    """
    from mngr.cli.progress import Progress
    from mngr.model.progress import Step

    check_format(form)
    with side() as vms, Progress(f"snapshot {vm}", quiet) as progress:
        progress(Step("saving disk and memory"))
        row = vms.take_snapshot(vm, label, progress)
    tell(form, quiet, {"vm": vm, "snapshot": row}, [{"vm": vm, **row}], [f"took {label} of {vm}"])
    return 0


@command.command("list")
@click.argument("vm")
@format_option
@names_option
def list_(vm: str, form: str, quiet: bool) -> int:
    """List a VM's snapshots, the oldest first.

    \b
    mngr vm snapshot list web
    """
    check_format(form)
    with side() as vms:
        rows = vms.snapshots(vm)
    tell_list("snapshots", rows, COLUMNS, form, quiet, {"vm": vm, "snapshots": rows})
    return 0


@command.command("restore")
@click.argument("vm")
@click.argument("label", metavar="NAME")
@yes_option
@format_option
@quiet_option
def restore(vm: str, label: str, yes: bool, form: str, quiet: bool) -> int:
    """Take a VM back to a snapshot, and to the state that it was in then. What it wrote since is lost.

    \b
    mngr vm snapshot restore web before-the-upgrade --yes
    """
    check_format(form)
    with side() as vms:
        vms.snapshot(vm, label)
        confirm([f"takes VM {vm} back to snapshot {label}: what it wrote since is lost"], yes)
        state = vms.restore_snapshot(vm, label)
    row = {"vm": vm, "snapshot": label, "status": "restored", "state": state}
    tell_done(form, quiet, row, f"took {vm} back to {label}; it is {state}")
    return 0


@command.command("delete")
@click.argument("vm")
@click.argument("label", metavar="NAME")
@yes_option
@format_option
@quiet_option
def delete(vm: str, label: str, yes: bool, form: str, quiet: bool) -> int:
    """Delete a snapshot for good. The VM stays as it is.

    \b
    mngr vm snapshot delete web before-the-upgrade --yes
    """
    check_format(form)
    with side() as vms:
        vms.snapshot(vm, label)
        confirm([f"deletes snapshot {label} of VM {vm}"], yes)
        vms.delete_snapshot(vm, label)
    row = {"vm": vm, "snapshot": label, "status": "deleted"}
    tell_done(form, quiet, row, f"deleted {label} of {vm}")
    return 0
