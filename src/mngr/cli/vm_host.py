"""`mngr vm host`: what VMs run on here."""

from __future__ import annotations

import click

from mngr.cli.output import check_format, format_option, quiet_option
from mngr.cli.vm_side import side
from mngr.cli.vm_things import tell


@click.command("host")
@format_option
@quiet_option
def host(form: str, quiet: bool) -> int:
    """Show the hypervisor: whether VMs run on KVM, and why not; where disks are; and the GPUs that a VM may get.

    \b
    mngr vm host
    mngr vm create web --image debian-12.qcow2 --gpu 0000:01:00.0
    """
    check_format(form)
    with side() as vms:
        row = vms.host()
    found = row["gpus"]
    lines = [
        f"libvirt:   {row['uri']}",
        f"runs on:   {'KVM' if row['accel'] == 'kvm' else 'emulated processors'} ({row['accel_reason']})",
        f"disks:     {row['storage']}",
    ]
    for one in found:
        why = one["problem"] or "may be handed to a VM"
        lines.append(f"GPU:       {one['address']} {one['vendor']} {one['product']}: {why}")
    tell(form, quiet, row, [row], lines if found else [*lines, "GPU:       none"])
    return 0
