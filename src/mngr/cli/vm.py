"""`mngr vm`: virtual machines on this computer's libvirt."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mngr.cli import vm_clone, vm_image, vm_resize, vm_snapshot
from mngr.cli import vm_serve as serving
from mngr.cli.output import (
    check_format,
    for_programs,
    format_option,
    names_option,
    quiet_option,
    write_json,
    write_rows,
)
from mngr.providers.terminal import confirm, table

if TYPE_CHECKING:
    from mngr.vms.look import Vm, VmDetails

BOOT_LIMIT_S = 300.0
STOP_LIMIT_S = 60.0


@click.group("vm", short_help="Make, list and remove VMs on libvirt.")
def command() -> None:
    """Virtual machines on this computer's libvirt: LIBVIRT_URI says which (default qemu:///session).

    \b
    mngr vm create web --image debian-12.qcow2 --key ~/.ssh/id_ed25519.pub --network user
    mngr vm list
    mngr vm delete web

    Disks are where LIBVIRT_STORAGE_PATH, or the pool LIBVIRT_STORAGE_POOL (default: default), says.
    """


command.add_command(vm_snapshot.command)
command.add_command(vm_image.command)
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
    from mngr.vms import look, remove
    from mngr.vms.hypervisor import connect

    check_format(form)
    with connect() as hypervisor:
        left = remove.sweep(hypervisor)
        vms = look.list_(hypervisor)
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
    rows = [_row(one) for one in vms]
    errors = [{"vm": one.name, "error": one.problem} for one in problems]
    if for_programs(form, quiet, {"vms": rows, "errors": errors}, rows, (one.name for one in vms)):
        pass
    elif vms:
        table(
            ["NAME", "STATE", "MEMORY", "VCPUS", "AUTOSTART"],
            [
                [one.name, one.state, f"{one.memory} MiB", str(one.vcpus), "yes" if one.autostart else ""]
                for one in vms
            ],
        )
    else:
        click.echo("no VMs")
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
    from mngr.vms import look, remove
    from mngr.vms.hypervisor import connect

    check_format(form)
    with connect() as hypervisor:
        remove.clear(hypervisor, vm)
        _tell(look.show(hypervisor, vm), form, quiet)
    return 0


@command.command("create")
@click.argument("vm", metavar="NAME")
@click.option(
    "--image",
    required=True,
    metavar="FILE",
    type=click.Path(),
    help="Disk image, raw or qcow2; it stays as it is.",
)
@click.option("--memory", default=2048, show_default=True, metavar="MIB", help="Memory in MiB.")
@click.option("--vcpus", default=2, show_default=True, metavar="N", help="Processors.")
@click.option("--disk", default=20, show_default=True, metavar="GIB", help="Size of its disk in GiB.")
@click.option(
    "--network", default="", metavar="NAME",
    help="One of libvirt's networks, or `user`: none of them, with a port of 127.0.0.1 that leads to its SSH "
    "(default: user on qemu:///session, else default).",
)  # fmt: skip
@click.option(
    "--key",
    "keys",
    multiple=True,
    metavar="FILE",
    type=click.Path(),
    help="Public SSH key that may log in; may be repeated.",
)
@click.option(
    "--user", default="", metavar="NAME", help="Who logs in, and may sudo (default: the image's own user)."
)
@click.option("--user-data", metavar="FILE", type=click.Path(), help="cloud-init's user data.")
@click.option(
    "--kernel",
    default="",
    metavar="FILE",
    type=click.Path(),
    help="Boot this kernel instead of what is on the disk.",
)
@click.option("--initrd", default="", metavar="FILE", type=click.Path(), help="That kernel's initrd.")
@click.option("--append", default="", metavar="WORDS", help="That kernel's command line.")
@click.option("--autostart", is_flag=True, help="Start it with libvirtd.")
@click.option(
    "--wait/--no-wait", default=True, help="Wait until its SSH answers (default), or only until it runs."
)
@click.option(
    "--timeout", default=BOOT_LIMIT_S, show_default=True, metavar="S", help="Wait so many seconds at most."
)
@format_option
@quiet_option
def create(
    vm: str, image: str, memory: int, vcpus: int, disk: int, network: str, keys: tuple[str, ...], user: str,
    user_data: str | None, kernel: str, initrd: str, append: str, autostart: bool, wait: bool, timeout: float,
    form: str, quiet: bool,
) -> int:  # fmt: skip
    """Make a VM and start it. Given again with the same options it is the same VM; with others that is a conflict (exit code 4).

    \b
    mngr vm create web --image debian-12.qcow2 --key ~/.ssh/id_ed25519.pub --network user
    """
    from mngr.cli.progress import Progress
    from mngr.model.errors import MngrError
    from mngr.model.progress import Step
    from mngr.vms import create as creating
    from mngr.vms import look
    from mngr.vms.hypervisor import DEFAULT_URI, connect
    from mngr.vms.spec import USER_NETWORK, VmSpec, check_key

    check_format(form)
    _check_seconds(timeout)
    data = _read(user_data, "user data") if user_data else b""
    with connect() as hypervisor:
        spec = VmSpec(
            name=vm,
            image=_absolute(image),
            memory_mib=memory,
            vcpus=vcpus,
            disk_gib=disk,
            network=network or (USER_NETWORK if hypervisor.uri == DEFAULT_URI else "default"),
            user=user,
            keys=tuple(check_key(_read(key, "key").decode(errors="replace")) for key in keys),
            kernel=_absolute(kernel),
            initrd=_absolute(initrd),
            kernel_line=append,
            autostart=autostart,
        )
        with Progress(f"create {vm}", quiet) as progress:
            progress(Step("making the VM"))
            made = creating.create(hypervisor, spec, data)
            late = None
            if wait:
                progress(Step("waiting for SSH"))
                try:
                    look.until_reachable(hypervisor, vm, timeout)
                except MngrError as problem:
                    late = problem
        found = look.show(hypervisor, vm)
    if late and form == "human":
        raise late
    _tell(found, form, quiet, {"made": made}, f"{'made' if made else 'was there:'} {vm}")
    if late:
        raise late
    return 0


@command.command("start")
@click.argument("vm", metavar="NAME")
@click.option(
    "--wait/--no-wait", default=True, help="Wait until its SSH answers (default), or only until it runs."
)
@click.option(
    "--timeout", default=BOOT_LIMIT_S, show_default=True, metavar="S", help="Wait so many seconds at most."
)
@format_option
@quiet_option
def start(vm: str, wait: bool, timeout: float, form: str, quiet: bool) -> int:
    """Switch a VM on, or let a paused one go on. Nothing happens to one that runs.

    \b
    mngr vm start web
    """
    from mngr.cli.progress import Progress
    from mngr.model.progress import Step
    from mngr.vms import look, power, remove
    from mngr.vms.hypervisor import connect

    check_format(form)
    _check_seconds(timeout)
    with connect() as hypervisor, Progress(f"start {vm}", quiet) as progress:
        remove.clear(hypervisor, vm)
        changed = power.start(hypervisor, vm)
        if wait:
            progress(Step("waiting for SSH"))
            look.until_reachable(hypervisor, vm, timeout)
        found = look.show(hypervisor, vm)
    _tell(found, form, quiet, {"status": "started"}, f"{'started' if changed else 'ran already:'} {vm}")
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
    from mngr.model.progress import Step
    from mngr.vms import look, power, remove
    from mngr.vms.hypervisor import connect

    check_format(form)
    _check_seconds(timeout)
    with connect() as hypervisor, Progress(f"stop {vm}", quiet) as progress:
        remove.clear(hypervisor, vm)
        progress(Step("waiting for the guest to shut down"))
        changed = power.stop(hypervisor, vm, timeout, force)
        found = look.show(hypervisor, vm)
    _tell(found, form, quiet, {"status": "stopped"}, f"{'stopped' if changed else 'was off already:'} {vm}")
    return 0


@command.command("delete")
@click.argument("vm", metavar="NAME")
@click.option("-y", "--yes", is_flag=True, help="Don't ask.")
@format_option
@quiet_option
def delete(vm: str, yes: bool, form: str, quiet: bool) -> int:
    """Remove a VM for good, with its disk, snapshots and seed, whatever state it is in. Its image stays.

    \b
    mngr vm delete web --yes
    """
    from mngr.vms import look, remove
    from mngr.vms.hypervisor import connect

    check_format(form)
    with connect() as hypervisor:
        if remove.is_pending(hypervisor, vm):
            confirm([f"removes what is left of VM {vm}"], yes)
        else:
            remove.check_ours(hypervisor, vm)
            state = look.show(hypervisor, vm).state
            confirm([f"removes VM {vm}, which is {state}, and its disk"], yes)
        remove.delete(hypervisor, vm)
    if form == "json":
        write_json({"vm": vm, "status": "deleted"})
    elif form != "human":
        write_rows(form, [{"vm": vm, "status": "deleted"}])
    elif not quiet:
        click.echo(f"removed {vm}")
    return 0


for one in (serving.serve, serving.token, serving.key):
    command.add_command(one)


def _row(vm: Vm) -> dict[str, object]:
    import msgspec

    return msgspec.to_builtins(vm)


def _tell(
    vm: VmDetails, form: str, quiet: bool, more: dict[str, object] | None = None, done: str = ""
) -> None:
    row = _row(vm)
    if form == "json":
        write_json({"vm": row, **(more or {})})
    elif form != "human":
        write_rows(form, [row])
    elif not quiet:
        if done:
            click.echo(done)
        for title, text in _lines(vm):
            click.echo(f"{title + ':':<11}{text}")


def _lines(vm: VmDetails) -> list[tuple[str, str]]:
    where = (
        f"{vm.ip}, SSH at port {vm.ssh_port} ({_SOURCES[vm.address_from]})"
        if vm.ip
        else f"none: {vm.no_address}"
    )
    lines = [
        ("name", vm.name),
        ("state", vm.state),
        ("address", where),
        ("size", f"{vm.memory} MiB of memory, {vm.vcpus} vcpus"),
        (
            "runs on",
            f"{'KVM' if vm.accel == 'kvm' else 'emulated processors'}"
            + (f" ({vm.accel_reason})" if vm.accel_reason else ""),
        ),
        ("network", ", ".join(vm.networks) or "none"),
        ("disks", ", ".join(vm.disks)),
        ("uuid", vm.uuid),
    ]
    if vm.spec:
        lines.insert(6, ("image", vm.spec.image))
    else:
        lines.append(("made by", "not mngr"))
    return lines


_SOURCES = {
    "forward": "a forwarded port",
    "lease": "its network's DHCP lease",
    "agent": "its guest agent",
    "arp": "the ARP table",
}


def _absolute(path: str) -> str:
    return str(Path(path).expanduser().absolute()) if path else ""


def _read(path: str, what: str) -> bytes:
    from mngr.model.errors import InvalidInput

    try:
        return Path(path).expanduser().read_bytes()
    except (OSError, ValueError) as problem:
        raise InvalidInput(
            f"{what} {path!r} can't be read: {problem}", hint="give the path of a file"
        ) from None


def _check_seconds(timeout: float) -> None:
    from mngr.model.errors import InvalidInput

    if not 0 <= timeout <= 86400:
        raise InvalidInput(f"--timeout {timeout:g} can't be used", hint="seconds, 0 to 86400")
