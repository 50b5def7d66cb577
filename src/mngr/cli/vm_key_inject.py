"""`mngr vm key inject`, `eject`, `injected`: keys into a VM that is there, and out of it again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from mngr.cli.output import check_format, format_option, names_option, quiet_option
from mngr.cli.vm_things import tell, tell_list

if TYPE_CHECKING:
    from mngr.vms.seed_keys import Change


@click.command("inject")
@click.argument("vm")
@click.argument("key")
@click.option(
    "--user", default="", metavar="NAME", help="Whose it is to be (default: the VM's user, else its image's)."
)
@format_option
@quiet_option
def inject(vm: str, key: str, user: str, form: str, quiet: bool) -> int:
    """Let the holder of a key of SSH_KEY_DIR into a VM. Keys that it has stay. May be repeated.

    \b
    mngr vm key inject web my-key
    mngr vm key inject web my-key --user deploy

    At once where its guest agent answers, else at its next boot; the answer says which.
    """
    from mngr.vms import inject as keys_of_vms
    from mngr.vms import remove
    from mngr.vms.hypervisor import connect
    from mngr.vms.keys import KeyStore
    from mngr.vmservice import settings

    check_format(form)
    found = KeyStore(settings.read().key_dir).get(key)
    with connect() as hypervisor:
        remove.clear(hypervisor, vm)
        done = keys_of_vms.inject(hypervisor, vm, key, found.public_key, user)
    _tell(vm, [done], form, quiet)
    return 0


@click.command("eject")
@click.argument("vm")
@click.argument("key")
@format_option
@quiet_option
def eject(vm: str, key: str, form: str, quiet: bool) -> int:
    """Take a key that was injected out of a VM again. Keys that were given at its create stay.

    \b
    mngr vm key eject web my-key
    """
    from mngr.vms import inject as keys_of_vms
    from mngr.vms import remove
    from mngr.vms.hypervisor import connect

    check_format(form)
    with connect() as hypervisor:
        remove.clear(hypervisor, vm)
        done = keys_of_vms.eject(hypervisor, vm, key)
    _tell(vm, done, form, quiet)
    return 0


@click.command("injected")
@click.argument("vm")
@format_option
@names_option
def injected(vm: str, form: str, quiet: bool) -> int:
    """List the keys that were injected into a VM.

    \b
    mngr vm key injected web
    """
    from mngr.vms import inject as keys_of_vms
    from mngr.vms import remove
    from mngr.vms.hypervisor import connect

    check_format(form)
    with connect() as hypervisor:
        remove.clear(hypervisor, vm)
        found = keys_of_vms.injected(hypervisor, vm)
    rows = [{**_row(vm, one), "public_key": one.key} for one in found]
    tell_list("keys", rows, COLUMNS, form, quiet, name="key")
    return 0


def _row(vm: str, change: Change) -> dict[str, object]:
    return {
        "status": "injected" if change.present else "ejected",
        "vm": vm,
        "key": change.name,
        "user": change.user or None,
        "applied": change.applied,
        "reason": change.reason or None,
    }


def _tell(vm: str, changes: list[Change], form: str, quiet: bool) -> None:
    rows = [_row(vm, one) for one in changes]
    said = [f"{row['status']} {row['key']}: {_applied(row)}" for row in rows]
    tell(form, quiet, rows[0] if len(rows) == 1 else {"keys": rows}, rows, said)


def _applied(row: Mapping[str, Any]) -> str:
    return f"{row['applied']} ({row['reason']})" if row["reason"] else row["applied"]


COLUMNS: dict[str, Any] = {
    "KEY": "key", "USER": lambda row: row["user"] or "the VM's own", "APPLIED": _applied,
}  # fmt: skip
