"""Results on standard output: tables for people, json, jsonl and templates for programs."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from mngr.model.errors import InvalidInput

if TYPE_CHECKING:
    from mngr.model.views import Problem


def format_option(function: Any) -> Any:
    """`--format human|json|jsonl|TEMPLATE`."""
    return click.option(
        "--format", "form", default="human", metavar="FORMAT",
        help="human (default), json, jsonl, or a template such as '{name} {state}'.",
    )(function)  # fmt: skip


def quiet_option(function: Any) -> Any:
    return click.option("-q", "--quiet", is_flag=True, help="Print nothing but results and errors.")(function)


def names_option(function: Any) -> Any:
    """`-q` of what lists: what other verbs take as names."""
    return click.option("-q", "--quiet", is_flag=True, help="Names only, one a line.")(function)


def write_names(names: Iterable[str]) -> None:
    for name in names:
        click.echo(name)


def for_programs(form: str, quiet: bool, whole: Any, rows: Sequence[Any], names: Iterable[str]) -> bool:
    """Prints what a verb lists: `whole` as JSON, `rows` in the other formats, with `-q` only `names`. False where it is
    for people: nothing was printed."""
    if form == "json":
        write_json(whole)
    elif form != "human":
        write_rows(form, rows)
    elif quiet:
        write_names(names)
    else:
        return False
    return True


def check_format(form: str, row: Mapping[str, Any] | None = None) -> str:
    """`form`, if it can be used: as a template, for rows like `row`. Raises InvalidInput."""
    if form not in ("human", "json", "jsonl") and "{" not in form:
        raise InvalidInput(
            f"--format {form!r} isn't known",
            hint="human, json, jsonl, or a template such as '{name} {state}'",
        )
    if row is not None and "{" in form:
        fill(form, row)
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
            click.echo(fill(form, row))


def fill(template: str, row: Mapping[str, Any]) -> str:
    """`{name} {host.state:>10}` with the row's values. Raises InvalidInput naming the fields."""
    from string import Formatter

    class Fields(Formatter):
        def get_field(self, field_name: str, args: Any, kwargs: Any) -> tuple[Any, str]:
            return _field(row, field_name), field_name

    try:
        return Fields().vformat(template, (), row)
    except KeyError as error:
        raise InvalidInput(f"--format: {error} isn't a field", hint=f"fields: {', '.join(row)}") from None
    except (ValueError, TypeError, IndexError, OverflowError, MemoryError) as error:
        raise InvalidInput(f"--format: {error or 'too long'}", hint=f"fields: {', '.join(row)}") from None


def _field(row: Mapping[str, Any], path: str) -> Any:
    """The value at `path`: `host.name` goes into a table; a table by itself shows its name. Raises KeyError."""
    value: Any = row
    for part in path.split("."):
        if not isinstance(value, Mapping) or part not in value:
            raise KeyError(path)
        value = value[part]
    return str(value.get("name", value)) if isinstance(value, Mapping) else _text(value)


def _text(value: Any) -> Any:
    return "" if value is None else value


def show_problems(problems: Iterable["Problem"]) -> None:
    """Error rows, on standard error."""
    for problem in problems:
        click.echo(f"mngr: {problem.provider}: {problem.what}: {problem.error}", err=True)
        if problem.hint:
            click.echo(f"  → {problem.hint}", err=True)
