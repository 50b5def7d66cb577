"""`mngr vm key inject`, `eject`, `injected`: keys into a VM that is there, and out of it again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from mngr.cli.output import check_format, format_option, names_option, quiet_option
from mngr.cli.vm_side import side
from mngr.cli.vm_things import tell, tell_list


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
    check_format(form)
    with side() as vms:
        rows = vms.inject(vm, key, user)
    _tell(rows, form, quiet)
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
    check_format(form)
    with side() as vms:
        rows = vms.eject(vm, key)
    _tell(rows, form, quiet)
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
    check_format(form)
    with side() as vms:
        rows = vms.injected(vm)
    tell_list("keys", rows, COLUMNS, form, quiet, name="key")
    return 0


def _tell(rows: Sequence[Mapping[str, Any]], form: str, quiet: bool) -> None:
    said = [f"{row['status']} {row['key']}: {_applied(row)}" for row in rows]
    tell(form, quiet, rows[0] if len(rows) == 1 else {"keys": rows}, rows, said)


def _applied(row: Mapping[str, Any]) -> str:
    return f"{row['applied']} ({row['reason']})" if row["reason"] else row["applied"]


COLUMNS: dict[str, Any] = {
    "KEY": "key", "USER": lambda row: row["user"] or "the VM's own", "APPLIED": _applied,
}  # fmt: skip
