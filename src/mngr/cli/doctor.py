"""`mngr doctor`."""

import click

from mngr.cli.output import check_format, for_programs, format_option
from mngr.providers.terminal import table


@click.command("doctor", short_help="Check that this computer has what mngr needs.")
@format_option
@click.option("-q", "--quiet", is_flag=True, help="Names of what is missing only.")
def command(form: str, quiet: bool) -> int:
    """Check that this computer has what mngr needs, and that each provider in use answers.

    \b
    mngr doctor
    """
    from mngr.ops.context import Mngr
    from mngr.ops.doctor import examine

    check_format(form)
    found = examine(Mngr())
    rows = [{"what": one.what, "ok": one.ok, "needed": one.needed, "note": one.note} for one in found]
    missing = [one.what for one in found if one.needed and not one.ok]
    if not for_programs(form, quiet, {"checks": rows}, rows, missing):
        table(
            ["CHECK", "", "NOTE"],
            [[one.what, "ok" if one.ok else "missing" if one.needed else "-", one.note] for one in found],
        )
    return 1 if missing else 0
