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
    ease: Mapping[str, int] | None = None,
    less: Mapping[str, Sequence[str]] | None = None,
) -> list[str]:
    """Columns for people; returns the headers of those without room. In a pipe, whole. On a terminal the widest cells are
    shortened: first what is wider than its `ease` (in characters; default: none), then all, to `floors` (0: never) or FLOOR;
    where that isn't enough, the last of `ranks` (headers, the most important first) are left out. `less`: what a column's cells
    do without before they are cut, one after another (regular expressions). `empty`: also columns that hold nothing."""
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
        most = {i: max(width, min(widths[i], (ease or {}).get(headers[i], 0))) for i, width in least.items()}
        parts = {i: (less or {})[headers[i]] for i in least if headers[i] in (less or {})}
        _spare_parts(cells, least, most, parts, limit)
        widths = _shortened({i: widths[i] for i in least}, most, least, limit)
        cells = [
            [_less(cell, widths.get(i, 0), parts.get(i, ())) for i, cell in enumerate(row)] for row in cells
        ]
        # What a column that does without a part leaves goes to the others.
        widths = {i: max(len(row[i]) for row in cells) for i in least}
        least = {i: min(width, widths[i]) for i, width in least.items()}
        widths = _shortened(widths, {i: max(most[i], least[i]) for i in most}, least, limit)
    for row in cells:
        line = "  ".join(_cut(row[i], width).ljust(width) for i, width in widths.items()).rstrip()
        click.echo(line[: limit - 1] + "…" if limit and len(line) > limit else line)
    return left_out[::-1]


def erase(lines: int) -> None:
    """Takes back the last lines of a terminal, if they are still on its screen."""
    if lines <= 0:
        return
    import shutil

    if lines < shutil.get_terminal_size().lines:
        click.echo(f"\033[{lines}A\033[J", nl=False)


def _line(widths: Mapping[int, int]) -> int:
    return sum(widths.values()) + 2 * (len(widths) - 1)


def _spare_parts(
    cells: Sequence[Sequence[str]], least: dict[int, int], most: Mapping[int, int],
    parts: Mapping[int, Sequence[str]], limit: int,
) -> None:  # fmt: skip
    """Widens what columns with `parts` have at `least`, the leftmost first, to where a part more has room; not above `most`."""
    for i in sorted(parts):
        room = least[i] + max(0, limit - _line(least))
        texts = {row[i] for row in cells}
        whole = {max(len(_less(one, width, parts[i])) for one in texts) for width in range(most[i] + 1)}
        least[i] = max(
            [width for width in whole if least[i] <= width <= min(most[i], room)], default=least[i]
        )


def _less(text: str, width: int, parts: Sequence[str]) -> str:
    """`text` without as many of the `parts` as it takes to fit in `width`; it may still be too long."""
    import re

    for part in parts:
        text = text if len(text) <= width else re.sub(part, "", text)
    return text


def _shortened(
    widths: Mapping[int, int], most: Mapping[int, int], least: Mapping[int, int], limit: int
) -> dict[int, int]:
    """The widths, the widest of them cut until a line fits: first of those above `most`, then of those above `least`."""
    cut = dict(widths)
    for to in (most, least):
        while _line(cut) > limit:
            wide = [i for i in cut if cut[i] > to[i]]
            if not wide:
                break
            cut[max(wide, key=lambda i: cut[i])] -= 1
    return cut


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
