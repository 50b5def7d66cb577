"""Results on standard output: tables for people, json, jsonl and templates for programs."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click

from mngr.model.errors import InvalidInput


def format_option(function: Any) -> Any:
    """`--format human|json|jsonl|TEMPLATE`."""
    return click.option(
        "--format", "form", default="human", metavar="FORMAT",
        help="human (default), json, jsonl, or a template such as '{name} {state}'.",
    )(function)  # fmt: skip


def quiet_option(function: Any) -> Any:
    return click.option("-q", "--quiet", is_flag=True, help="Print nothing but results and errors.")(function)


def check_format(form: str) -> str:
    """`form`, if it can be used. Raises InvalidInput."""
    if form not in ("human", "json", "jsonl") and "{" not in form:
        raise InvalidInput(
            f"--format {form!r} isn't known",
            hint="human, json, jsonl, or a template such as '{name} {state}'",
        )
    return form


def write_json(data: Any) -> None:
    import json

    click.echo(json.dumps(data, ensure_ascii=False, indent=2 if sys.stdout.isatty() else None))


def write_rows(form: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """Rows as jsonl or by a template. Raises InvalidInput if the template names what isn't there."""
    for row in rows:
        if form == "jsonl":
            import json

            click.echo(json.dumps(row, ensure_ascii=False))
        else:
            try:
                click.echo(form.format_map(_Flat(row)))
            except (KeyError, IndexError, ValueError, AttributeError) as error:
                raise InvalidInput(
                    f"--format: {error} isn't a field", hint=f"fields: {', '.join(row)}"
                ) from None


class _Flat(dict[str, Any]):
    """A row for templates: nested tables also as `{host.name}`."""

    def __init__(self, row: Mapping[str, Any]) -> None:
        super().__init__(
            {key: _Dots(value) if isinstance(value, dict) else _text(value) for key, value in row.items()}
        )


class _Dots(dict[str, Any]):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self:
            raise AttributeError(name)
        return _text(self[name])

    def __str__(self) -> str:
        return str(self.get("name", dict(self)))

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)


def _text(value: Any) -> Any:
    return "" if value is None else value


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns for people. On a terminal, cut to its width; in a pipe, whole."""
    cells = [[click.unstyle(str(cell)).replace("\n", " ") for cell in row] for row in [headers, *rows]]
    keep = [i for i in range(len(headers)) if any(row[i] for row in cells[1:])] or [0]
    widths = [max(len(row[i]) for row in cells) for i in keep]
    import shutil

    limit = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    for row in cells:
        line = "  ".join(row[i].ljust(width) for i, width in zip(keep, widths, strict=True)).rstrip()
        click.echo(line[: limit - 1] + "…" if limit and len(line) > limit else line)
