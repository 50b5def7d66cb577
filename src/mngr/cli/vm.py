"""`mngr vm`: virtual machines on this computer's libvirt."""

from __future__ import annotations

from typing import Any

import click

from mngr.cli import (
    vm_clone,
    vm_console,
    vm_create,
    vm_host,
    vm_image,
    vm_key_inject,
    vm_network,
    vm_pool,
    vm_resize,
    vm_snapshot,
    vm_template,
)
from mngr.cli import vm_serve as serving
from mngr.cli.output import check_format, format_option, names_option, quiet_option
from mngr.cli.vm_shown import check_seconds, tell_vm, wait_options
from mngr.cli.vm_side import side
from mngr.cli.vm_things import tell_done, tell_list, yes_option
from mngr.providers.terminal import confirm

STOP_LIMIT_S = 60.0
COLUMNS: dict[str, Any] = {
    "NAME": "name", "STATE": "state", "MEMORY": lambda row: f"{row['memory']} MiB", "VCPUS": "vcpus",
    "AUTOSTART": "autostart",
}  # fmt: skip


@click.group("vm", short_help="Make, list and remove VMs on libvirt.")
def command() -> None:
    """Virtual machines on this computer's libvirt: LIBVIRT_URI says which (default qemu:///session).

    \b
    mngr vm create web --image debian-12.qcow2 --key ~/.ssh/id_ed25519.pub --network user
    mngr vm list
    mngr vm delete web

    Disks are where LIBVIRT_STORAGE_PATH, or the pool LIBVIRT_STORAGE_POOL (default: default), says.

    With VM_PROVISIONER_URL it is the VM service there (`mngr vm serve`) that is asked, with the token VM_PROVISIONER_TOKEN.
    """


command.add_command(vm_snapshot.command)
command.add_command(vm_image.command)
command.add_command(vm_console.console)
command.add_command(vm_network.command)
command.add_command(vm_pool.command)
command.add_command(vm_host.host)
command.add_command(vm_create.create)
command.add_command(vm_template.command)
command.add_command(vm_clone.clone)
command.add_command(vm_resize.resize)
command.add_command(vm_resize.autostart)


@command.command("list")
@format_option
@names_option
def list_(form: str, quiet: bool) -> int:
    """List all VMs, also those that mngr didn't make. Memory in MiB.

    \b
    mngr vm list
    mngr vm list --format '{name} {state}'

    What a killed create or delete has left is cleared away, and told. Exit code 5 if some of it couldn't be.
    """
    check_format(form)
    with side() as vms:
        rows, left = vms.vms()
    problems = [one for one in left if one.problem]
    for one in left:
        if one.problem:
            click.echo(
                f"mngr: what a killed {one.verb} of VM {one.name} left is still there: {one.problem}",
                err=True,
            )
            click.echo("  → run this again when that is mended", err=True)
        else:
            click.echo(f"cleared away what a killed {one.verb} of VM {one.name} left", err=True)
    errors = [{"vm": one.name, "error": one.problem} for one in problems]
    tell_list("vms", rows, COLUMNS, form, quiet, {"vms": rows, "errors": errors}, none="no VMs")
    return 5 if problems else 0


@command.command("show")
@click.argument("vm", metavar="NAME")
@format_option
@quiet_option
def show(vm: str, form: str, quiet: bool) -> int:
    """Show everything of a VM: state, address, and what it was made of.

    \b
    mngr vm show web
    mngr vm show web --format '{ip}:{ssh_port}'
    """
    check_format(form)
    with side() as vms:
        found = vms.show(vm)
    tell_vm(found, form, quiet)
    return 0


@command.command("start")
@click.argument("vm", metavar="NAME")
@wait_options
@format_option
@quiet_option
def start(vm: str, wait: bool, timeout: float, form: str, quiet: bool) -> int:
    """Switch a VM on, or let a paused one go on. Nothing happens to one that runs.

    \b
    mngr vm start web
    """
    from mngr.cli.progress import Progress

    check_format(form)
    check_seconds(timeout)
    with side() as vms, Progress(f"start {vm}", quiet) as progress:
        found, changed = vms.start(vm, wait, timeout, progress)
    tell_vm(found, form, quiet, {"status": "started"}, f"{'started' if changed else 'ran already:'} {vm}")
    return 0


@command.command("stop")
@click.argument("vm", metavar="NAME")
@click.option("--force", is_flag=True, help="Pull the plug if it hasn't shut down by then.")
@click.option(
    "--timeout",
    default=STOP_LIMIT_S,
    show_default=True,
    metavar="S",
    help="Wait so many seconds for the guest to shut down.",
)
@format_option
@quiet_option
def stop(vm: str, force: bool, timeout: float, form: str, quiet: bool) -> int:
    """Shut a VM down, and wait until it is off. Its disk stays; nothing happens to one that is off.

    \b
    mngr vm stop web
    mngr vm stop web --force --timeout 10
    """
    from mngr.cli.progress import Progress

    check_format(form)
    check_seconds(timeout)
    with side() as vms, Progress(f"stop {vm}", quiet) as progress:
        found, changed = vms.stop(vm, timeout, force, progress)
    tell_vm(found, form, quiet, {"status": "stopped"}, f"{'stopped' if changed else 'was off already:'} {vm}")
    return 0


@command.command("delete")
@click.argument("vm", metavar="NAME")
@yes_option
@format_option
@quiet_option
def delete(vm: str, yes: bool, form: str, quiet: bool) -> int:
    """Remove a VM for good, with its disk, snapshots and seed, whatever state it is in. Its image stays.

    \b
    mngr vm delete web --yes
    """
    check_format(form)
    with side() as vms:
        confirm([vms.removal(vm)], yes)
        vms.delete(vm)
    tell_done(form, quiet, {"vm": vm, "status": "deleted"}, f"removed {vm}")
    return 0


for one in (serving.serve, serving.token, serving.key):
    command.add_command(one)
for one in (vm_key_inject.inject, vm_key_inject.eject, vm_key_inject.injected):
    serving.key.add_command(one)
