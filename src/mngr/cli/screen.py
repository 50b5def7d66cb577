"""`mngr screen`."""

import click

from mngr.cli.output import check_format, format_option, quiet_option, write_json, write_rows

#: A row that has every field.
_ROW = {
    "name": "", "host": "", "provider": "", "columns": 0, "rows": 0, "cursor_x": 0, "cursor_y": 0, "cursor_shown": True,
    "alternate": False, "ended": False, "title": "", "lines": [],
}  # fmt: skip


@click.command("screen", short_help="Show what is on an agent's terminal now.")
@click.argument("name")
@format_option
@quiet_option
def command(name: str, form: str, quiet: bool) -> int:
    """Show what is on an agent's terminal now; of one whose command has ended, what was there last.

    \b
    mngr screen my-agent
    mngr screen my-agent --format json      with its size, cursor and title, and whether a program has taken all of it
    mngr screen my-agent --format '{title}'

    `mngr logs` shows what was there before.
    """
    import msgspec

    from mngr.cli.progress import waiting
    from mngr.ops import reached, talk
    from mngr.ops.context import Mngr

    check_format(form, _ROW)
    mngr = Mngr()
    with waiting("screen", quiet):
        [to] = reached.find(mngr, [name])
        seen = talk.screen(mngr, to)
    row = {"name": to.name, "host": to.host, "provider": to.provider, **msgspec.to_builtins(seen)}
    if form == "json":
        write_json(row)
    elif form != "human":
        write_rows(form, [row])
    else:
        for line in seen.lines:
            click.echo(line)
    return 0
