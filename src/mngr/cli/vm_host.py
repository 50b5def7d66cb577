"""`mngr vm host`: what VMs run on here."""

from __future__ import annotations

import click

from mngr.cli.output import check_format, format_option, quiet_option
from mngr.cli.vm_things import as_row, tell


@click.command("host")
@format_option
@quiet_option
def host(form: str, quiet: bool) -> int:
    """Show the hypervisor: whether VMs run on KVM, and why not; where disks are; and the GPUs that a VM may get.

    \b
    mngr vm host
    mngr vm create web --image debian-12.qcow2 --gpu 0000:01:00.0
    """
    from mngr.vms import acceleration, gpus
    from mngr.vms.hypervisor import connect

    check_format(form)
    with connect() as hypervisor:
        probe = acceleration.choose(hypervisor)
        found = gpus.list_(hypervisor)
        row = {
            "uri": hypervisor.uri,
            "accel": probe.accel,
            "accel_reason": probe.reason,
            "storage": str(hypervisor.folder),
            "gpus": [as_row(one) for one in found],
        }
    lines = [
        f"libvirt:   {row['uri']}",
        f"runs on:   {'KVM' if probe.accel == 'kvm' else 'emulated processors'} ({probe.reason})",
        f"disks:     {row['storage']}",
    ]
    for one in found:
        why = one.problem or "may be handed to a VM"
        lines.append(f"GPU:       {one.address} {one.vendor} {one.product}: {why}")
    tell(form, quiet, row, [row], lines if found else [*lines, "GPU:       none"])
    return 0
