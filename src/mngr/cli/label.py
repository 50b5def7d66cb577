"""`mngr label`."""

import click

from mngr.cli.output import check_format, format_option, quiet_option
from mngr.model.errors import InvalidInput


@click.command("label", short_help="Give an agent labels, or take them away.")
@click.argument("name")
@click.argument("labels", nargs=-1, required=True, metavar="K=V|K-…")
@format_option
@quiet_option
def command(name: str, labels: tuple[str, ...], form: str, quiet: bool) -> int:
    """Give an agent labels (K=V), or take them away (K-).

    \b
    mngr label my-agent team=search todo-
    """
    from mngr.cli import present
    from mngr.cli.progress import Progress
    from mngr.cli.rename import show_agent
    from mngr.ops.amend import label
    from mngr.ops.context import Mngr, Phases

    check_format(form, present.blank())
    wanted = _parse(labels)
    mngr = Mngr()
    with Progress(f"label {name}", quiet) as progress:
        done = label(mngr, name, wanted, Phases(mngr.clock, progress))
    if not show_agent(done, form) and not quiet:
        now = " ".join(f"{key}={value}" for key, value in done.agent.record.labels.items())
        click.echo(f"{done.agent.record.name} has " + (f"labels {now}" if now else "no labels"))
    return 0


def _parse(labels: tuple[str, ...]) -> dict[str, str | None]:
    """Raises InvalidInput, also on one key in two ways."""
    from mngr.model.names import parse_label

    wanted: dict[str, str | None] = {}
    for text in labels:
        away = "=" not in text and text.endswith("-")
        key, value = parse_label(f"{text[:-1]}=" if away else text)
        if key in wanted:
            raise InvalidInput(f"label {key} is given twice")
        wanted[key] = None if away else value
    return wanted
