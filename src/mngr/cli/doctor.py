"""`mngr doctor`."""

import click

from mngr.cli.output import check_format, format_option, table, write_json, write_names, write_rows


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
    if form == "json":
        write_json({"checks": rows})
    elif form != "human":
        write_rows(form, rows)
    elif quiet:
        write_names(one.what for one in found if one.needed and not one.ok)
    else:
        table(
            ["CHECK", "", "NOTE"],
            [[one.what, "ok" if one.ok else "missing" if one.needed else "-", one.note] for one in found],
        )
    return 0 if all(one.ok or not one.needed for one in found) else 1
