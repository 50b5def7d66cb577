"""A VM as the verbs of `mngr vm` print it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mngr.cli.vm_things import Verb, as_row, tell

if TYPE_CHECKING:
    from mngr.vms.look import VmDetails

BOOT_LIMIT_S = 300.0


def wait_options(function: Verb) -> Verb:
    """`--wait`, `--timeout`: of what starts a VM."""
    wait = click.option(
        "--wait/--no-wait", default=True, help="Wait until its SSH answers (default), or only until it runs."
    )
    timeout = click.option(
        "--timeout",
        default=BOOT_LIMIT_S,
        show_default=True,
        metavar="S",
        help="Wait so many seconds at most.",
    )
    return wait(timeout(function))


def tell_vm(
    vm: VmDetails, form: str, quiet: bool, more: dict[str, object] | None = None, done: str = ""
) -> None:
    row = as_row(vm)
    said = [done] if done else []
    lines = [f"{title + ':':<11}{text}" for title, text in _lines(vm)]
    tell(form, quiet, {"vm": row, **(more or {})}, [row], [*said, *lines])


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


def check_seconds(timeout: float) -> None:
    from mngr.model.errors import InvalidInput

    if not 0 <= timeout <= 86400:
        raise InvalidInput(f"--timeout {timeout:g} can't be used", hint="seconds, 0 to 86400")
