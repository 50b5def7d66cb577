"""`mngr plugin`."""

import click

from mngr.cli.output import check_format, for_programs, format_option, names_option
from mngr.providers.terminal import table


@click.group("plugin", short_help="List providers, built in and installed.")
def command() -> None:
    """Providers: those that come with mngr and those that other packages register.

    \b
    mngr plugin list
    """


@command.command("list")
@format_option
@names_option
def list_(form: str, quiet: bool) -> int:
    """List providers, built in and installed.

    \b
    mngr plugin list --format json
    """
    from mngr.model.errors import MngrError
    from mngr.ops.context import Mngr
    from mngr.providers import registry

    check_format(form)
    active = set(Mngr().active())
    rows = []
    for name in registry.in_tree():
        try:
            registry.find_backend(name)
            note = ""
        except MngrError as error:
            note = f"{error} ({error.hint})"
        rows.append({"name": name, "source": "mngr", "active": name in active, "note": note})
    rows += [
        {"name": name, "source": "installed", "active": name in active, "note": ""}
        for name in registry.third_party()
    ]
    if not for_programs(form, quiet, {"plugins": rows}, rows, (row["name"] for row in rows)):
        table(
            ["BACKEND", "FROM", "IN USE", "NOTE"],
            [[r["name"], r["source"], "yes" if r["active"] else "", r["note"]] for r in rows],
        )
    return 0
