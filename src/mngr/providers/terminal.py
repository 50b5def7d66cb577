"""What verbs show people and ask them, also the verbs that a backend brings."""

import sys
from collections.abc import Sequence

import click

from mngr.model.errors import InvalidInput, MngrError


def table(headers: Sequence[str], rows: Sequence[Sequence[str]], *, empty: bool = False) -> None:
    """Columns for people. On a terminal, cut to its width; in a pipe, whole. `empty`: also columns that hold nothing."""
    import shutil

    cells = [[click.unstyle(str(cell)).replace("\n", " ") for cell in row] for row in [headers, *rows]]
    keep = [i for i in range(len(headers)) if empty or any(row[i] for row in cells[1:])] or [0]
    widths = [max(len(row[i]) for row in cells) for i in keep]
    limit = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    for row in cells:
        line = "  ".join(row[i].ljust(width) for i, width in zip(keep, widths, strict=True)).rstrip()
        click.echo(line[: limit - 1] + "…" if limit and len(line) > limit else line)


def confirm(question: Sequence[str], yes: bool) -> None:
    """Asks before something is destroyed or paid. Raises InvalidInput where nobody can be asked."""
    if yes:
        return
    for line in question:
        click.echo(line, err=True)
    if not sys.stdin.isatty():
        raise InvalidInput("not on a terminal, so nobody can be asked", hint="--yes says yes")
    if not click.confirm("Go on?", err=True):
        raise MngrError("nothing was done, as you said no")
