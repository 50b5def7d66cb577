"""What verbs show people and ask them, also the verbs that a backend brings."""

import sys
from collections.abc import Mapping, Sequence

import click

from mngr.model.errors import Interrupted, InvalidInput, MngrError

#: What a column can be shortened to.
FLOOR = 8


def table(
    headers: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    empty: bool = False,
    floors: Mapping[str, int] | None = None,
    ranks: Sequence[str] = (),
) -> list[str]:
    """Columns for people; returns the headers of those without room. In a pipe, whole. On a terminal the widest cells are
    shortened, to `floors` (0: never) or FLOOR; where that isn't enough, the last of `ranks` (headers, the most important
    first) are left out. `empty`: also columns that hold nothing."""
    import shutil

    cells = [[click.unstyle(str(cell)).replace("\n", " ") for cell in row] for row in [headers, *rows]]
    keep = [i for i in range(len(headers)) if empty or any(row[i] for row in cells[1:])] or [0]
    widths = {i: max(len(row[i]) for row in cells) for i in keep}
    limit = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    left_out: list[str] = []
    if limit:
        least = {i: min(width, (floors or {}).get(headers[i], FLOOR) or width) for i, width in widths.items()}
        for header in reversed(ranks):
            if _line(least) > limit and headers.index(header) in least and len(least) > 1:
                del least[headers.index(header)]
                left_out.append(header)
        widths = _shortened({i: widths[i] for i in least}, least, limit)
    for row in cells:
        line = "  ".join(_cut(row[i], width).ljust(width) for i, width in widths.items()).rstrip()
        click.echo(line[: limit - 1] + "…" if limit and len(line) > limit else line)
    return left_out[::-1]


def erase(lines: int) -> None:
    """Takes back the last lines of a terminal, if they are still on its screen."""
    import shutil

    if 0 < lines < shutil.get_terminal_size().lines:
        click.echo(f"\033[{lines}A\033[J", nl=False)


def _line(widths: Mapping[int, int]) -> int:
    return sum(widths.values()) + 2 * (len(widths) - 1)


def _shortened(widths: dict[int, int], least: Mapping[int, int], limit: int) -> dict[int, int]:
    """The widths, the widest of them cut until a line fits."""
    while _line(widths) > limit:
        wide = [i for i in widths if widths[i] > least[i]]
        if not wide:
            break
        widths[max(wide, key=lambda i: widths[i])] -= 1
    return widths


def _cut(text: str, width: int) -> str:
    """`text` in `width`: a name keeps its end, by which it differs from others; a sentence its beginning."""
    if len(text) <= width:
        return text
    tail = 0 if " " in text else width // 3
    return text[: width - 1 - tail] + "…" + text[len(text) - tail :]


def can_ask() -> bool:
    """Whether somebody sees a question, and can answer it."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def confirm(question: Sequence[str], yes: bool) -> None:
    """Asks before something is destroyed or paid. Raises InvalidInput where nobody can be asked, MngrError if the answer is
    no, Interrupted if it is Ctrl-C."""
    if yes:
        return
    for line in question:
        click.echo(line, err=True)
    if not can_ask():
        raise InvalidInput("not on a terminal, so nobody can be asked", hint="--yes says yes")
    from select import select

    try:
        click.echo("Go on? [y/N]: ", nl=False, err=True)
        # `input` would miss a Ctrl-C that comes right before it waits.
        while not select([sys.stdin], [], [], 0.5)[0]:
            pass
        answer = sys.stdin.readline()
    except KeyboardInterrupt:
        answer = ""
    if not answer:
        click.echo(err=True)
        raise Interrupted("interrupted; nothing was done")
    if answer.strip().lower() not in ("y", "yes"):
        raise MngrError("nothing was done, as you said no")
