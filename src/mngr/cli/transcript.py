"""`mngr transcript`."""

from typing import TYPE_CHECKING

import click

from mngr.cli.output import check_format, format_option, quiet_option, write_json, write_rows

if TYPE_CHECKING:
    from mngr.ops.transcript import Transcript

_ROW = {"role": "", "text": "", "at": ""}


@click.command("transcript", short_help="Show what an agent and its user have said.")
@click.argument("name")
@format_option
@quiet_option
def command(name: str, form: str, quiet: bool) -> int:
    """Show what an agent and its user have said, by its program's own record.

    \b
    mngr transcript my-agent
    mngr transcript my-agent --format jsonl      a message a line: role, text, at

    That of an agent that is gone, or whose host is down, is the one that was kept on this computer: when it was
    last shown, or destroyed.
    """
    from mngr.model.plain import plain
    from mngr.ops.context import Mngr
    from mngr.ops.transcript import transcript

    if form not in ("json", "jsonl"):
        check_format(form, _ROW)
    found = transcript(Mngr(), name)
    rows = [{"role": one.role, "text": one.text, "at": one.at} for one in found.messages]
    if form == "json":
        write_json(
            {
                "name": found.name,
                "id": found.agent_id,
                "type": found.type,
                "host": found.host,
                "provider": found.provider,
                "read_at": found.read_at,
                "kept": found.kept,
                "cut": found.cut,
                "messages": rows,
            }
        )
        return 0
    if form == "human":
        for row in rows:
            click.secho(f"{plain(row['role'])} {_when(row['at'])}".rstrip(), bold=True)
            click.echo("".join(f"  {line}".rstrip() + "\n" for line in plain(row["text"]).splitlines()))
    else:
        write_rows(form, rows, _ROW)
    if not quiet and (says := _remark(found)):
        click.echo(f"mngr: {says}", err=True)
    return 0


def _remark(found: "Transcript") -> str:
    """What a person wants to know of it besides."""
    said = []
    if found.kept:
        said.append(f"as it was at {_moment(found.read_at)}")
    if found.cut:
        said.append("what was said before that is left out, as it is too much")
    if not found.messages:
        said.append(
            f"nothing has been said to {found.name} yet"
            if not found.kept
            else "nothing had been said by then"
        )
    return "; ".join(said)


def _moment(seconds: float) -> str:
    from datetime import datetime

    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M")


def _when(text: str) -> str:
    """A time of the record as this computer's clock has it; as it is, if it can't be read."""
    from datetime import datetime

    try:
        return datetime.fromisoformat(text).astimezone().strftime("%Y-%m-%d %H:%M:%S") if text else ""
    except ValueError:
        return text
