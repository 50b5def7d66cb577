"""What the verbs of `mngr vm` answer: a list, one thing, that something is done. A row is a thing as plain data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mngr.cli.output import for_programs
from mngr.providers.terminal import table

if TYPE_CHECKING:
    from msgspec import Struct

Row = Mapping[str, Any]
Value = str | int | float | bool | list[str] | tuple[str, ...] | None
Verb = TypeVar("Verb", bound=Callable[..., int])


def yes_option(function: Verb) -> Verb:
    """`-y`, of what asks before it removes something."""
    return click.option("-y", "--yes", is_flag=True, help="Don't ask.")(function)


def as_row(thing: Struct) -> dict[str, Any]:
    """A struct as plain data."""
    import msgspec

    return msgspec.to_builtins(thing)


def tell(form: str, quiet: bool, whole: Row, rows: Sequence[Row], lines: Iterable[str]) -> None:
    """`whole` as JSON, `rows` in the other formats for programs; `lines` for people, but with `quiet`."""
    if not for_programs(form, False, whole, rows) and not quiet:
        for line in lines:
            click.echo(line)


def tell_done(form: str, quiet: bool, row: Row, said: str) -> None:
    """That something is done: `row`, or the sentence `said`."""
    tell(form, quiet, row, [row], [said])


def tell_one(kind: str, row: Row, form: str, quiet: bool, more: Row | None = None, done: str = "") -> None:
    """A thing, in JSON under its `kind` and with `more`; for people after `done`, what was done with it."""
    said = [done] if done else []
    texts = {key: str(value) if isinstance(value, bool) else cell(value) for key, value in row.items()}
    lines = [f"{key + ':':<11}{text}" for key, text in texts.items() if text]
    tell(form, quiet, {kind: row, **(more or {})}, [row], [*said, *lines])


def tell_list(
    kind: str,
    rows: Sequence[Row],
    columns: Mapping[str, str | Callable[[Row], str]],
    form: str,
    quiet: bool,
    whole: Row | None = None,
    none: str = "",
    name: str = "name",
) -> None:
    """Things, in JSON under their `kind`, or as `whole`. `columns`: titles, and of each the key of its value, or what makes a
    text of a row; `none`: what is said where there are no rows (default: that there is no such kind); `name`: the key of
    what `-q` prints."""
    if for_programs(form, quiet, whole or {kind: rows}, rows, (str(row[name]) for row in rows)):
        return
    if not rows:
        click.echo(none or f"no {kind}")
        return
    of = columns.values()
    table([*columns], [[cell(row[key]) if isinstance(key, str) else key(row) for key in of] for row in rows])


def cell(value: Value) -> str:
    """A value as people read it."""
    if isinstance(value, bool):
        return "yes" if value else ""
    return ", ".join(value) if isinstance(value, list | tuple) else str(value)
