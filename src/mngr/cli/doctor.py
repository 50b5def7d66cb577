"""`mngr doctor`."""

from typing import TYPE_CHECKING

import click

from mngr.cli.output import check_format, for_programs, format_option
from mngr.providers.terminal import table

if TYPE_CHECKING:
    from mngr.ops.doctor import Check

#: What a program is for.
PURPOSES = {
    "ssh": "to reach containers and machines (package openssh-client)",
    "ssh-keygen": "to make keys (package openssh-client)",
    "tmux": "for agents on this computer (package tmux)",
    "git": "to send code and bring commits home (package git)",
    "docker": "for --provider docker",
}


@click.command("doctor", short_help="Check that this computer has what mngr needs.")
@format_option
@click.option("-q", "--quiet", is_flag=True, help="Names of what is missing only.")
def command(form: str, quiet: bool) -> int:
    """Check that this computer has what mngr needs, and that each provider in use answers.

    \b
    mngr doctor
    """
    from mngr.ops.mngr import Mngr

    check_format(form)
    found = Mngr().doctor()
    rows = [
        {"what": _what(one), "ok": one.ok, "needed": one.needed, "note": "" if one.ok else _note(one)}
        for one in found
    ]
    missing = [_what(one) for one in found if one.needed and not one.ok]
    if not for_programs(form, quiet, {"checks": rows}, rows, missing):
        table(
            ["CHECK", "", "NOTE"],
            [
                [row["what"], "ok" if row["ok"] else "missing" if row["needed"] else "-", row["note"]]
                for row in rows
            ],
        )
    return 1 if missing else 0


def _what(check: "Check") -> str:
    if check.kind == "home":
        return f"{check.name} is writable"
    return f"provider {check.name}" if check.kind == "provider" else check.name


def _note(check: "Check") -> str:
    """Why it isn't as it should be."""
    if check.kind == "program":
        return PURPOSES[check.name]
    between = "; " if check.kind == "provider" else " "
    return "; ".join(f"{one.error}{between}{one.hint}" if one.hint else one.error for one in check.problems)
