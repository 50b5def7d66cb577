"""`mngr vm host`: what VMs run on here."""

from __future__ import annotations

import click

from mngr.cli.output import check_format, format_option, quiet_option, write_json, write_rows


@click.command("host")
@format_option
@quiet_option
def host(form: str, quiet: bool) -> int:
    """Show the hypervisor: whether VMs run on KVM, and why not; where disks are; and the GPUs that a VM may get.

    \b
    mngr vm host
    mngr vm create web --image debian-12.qcow2 --gpu 0000:01:00.0
    """
    import msgspec

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
            "gpus": msgspec.to_builtins(found),
        }
    if form == "json":
        write_json(row)
    elif form != "human":
        write_rows(form, [row])
    elif not quiet:
        click.echo(f"libvirt:   {row['uri']}")
        click.echo(f"runs on:   {'KVM' if probe.accel == 'kvm' else 'emulated processors'} ({probe.reason})")
        click.echo(f"disks:     {row['storage']}")
        for one in found:
            click.echo(
                f"GPU:       {one.address} {one.vendor} {one.product}: {one.problem or 'may be handed to a VM'}"
            )
        if not found:
            click.echo("GPU:       none")
    return 0
