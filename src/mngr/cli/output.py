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


def for_programs(form: str, quiet: bool, whole: Any, rows: Sequence[Any], names: Iterable[str] = ()) -> bool:
    """Prints what a verb answers: `whole` as JSON, `rows` in the other formats, with `-q` only `names`. False where it is
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


def write_rows(form: str, rows: Iterable[Mapping[str, Any]], shape: Mapping[str, Any] | None = None) -> None:
    """Rows as jsonl or by a template. `shape`: a row that has every field, also those that a row has only at times. Raises
    InvalidInput if the template names what isn't there."""
    for row in rows:
        if form == "jsonl":
            import json

            click.echo(json.dumps(row, ensure_ascii=False))
        else:
            click.echo(fill(form, row, shape))


def fill(template: str, row: Mapping[str, Any], shape: Mapping[str, Any] | None = None) -> str:
    """`{name} {host.state:>10}` with the row's values, as people write them: nothing for None, tables and lists as JSON.
    Raises InvalidInput naming the fields."""
    from string import Formatter

    every = shape or row

    class Fields(Formatter):
        def get_field(self, field_name: str, args: Any, kwargs: Any) -> tuple[Any, str]:
            return as_text(field(row, field_name, every)), field_name

        def format_field(self, value: Any, format_spec: str) -> Any:
            return super().format_field(value, _for_text(format_spec) if value == "" else format_spec)

    try:
        return Fields().vformat(template, (), row)
    except KeyError as error:
        raise no_field("--format", str(error.args[0]), every) from None
    except (ValueError, TypeError, IndexError, OverflowError, MemoryError) as error:
        raise InvalidInput(
            f"--format: {error or 'too long'}", hint=f"fields: {', '.join(fields(every))}"
        ) from None


def _for_text(spec: str) -> str:
    """A number's format for what isn't there: its width alone."""
    import re

    return re.sub(r"(,|_)?(\.\d+)?[bcdeEfFgGnoxX%]$", "", spec)


def no_field(where: str, name: str, shape: Mapping[str, Any]) -> InvalidInput:
    from mngr.model.guess import did_you_mean

    every = fields(shape)
    hint = f"{did_you_mean(name, every)} fields: {', '.join(every)}".lstrip()
    return InvalidInput(f"{where}: {name!r} isn't a field", hint=hint)


def fields(shape: Mapping[str, Any], before: str = "") -> list[str]:
    """The names of all fields, `host.idle.mode` too. Labels have keys of their own: `labels.KEY`."""
    found: list[str] = []
    for name, value in shape.items():
        found.append(before + name)
        if name == _LABELS:
            found.append(f"{before}{name}.KEY")
        elif isinstance(value, Mapping):
            found += fields(value, f"{before}{name}.")
    return found


_LABELS = "labels"


def field(row: Mapping[str, Any], path: str, shape: Mapping[str, Any]) -> Any:
    """The value at `path`: `host.name` goes into a table, `labels.team` is None without such a label. The host by itself is
    its name. Raises KeyError if `shape` doesn't have it either."""
    value: Any = row
    parts = path.split(".")
    for i, part in enumerate(parts):
        if not isinstance(value, Mapping) or part not in value:
            if row is shape:
                raise KeyError(path)
            field(shape, path, shape)
            return None
        value = value[part]
        if part == _LABELS and parts[i + 1 :]:
            key = ".".join(parts[i + 1 :])
            if not key[:1].isalnum():
                raise KeyError(path)
            return value.get(key)
    named = isinstance(value, Mapping) and parts[-1] != _LABELS
    return value.get("name", value) if named else value


def as_text(value: Any) -> Any:
    """A value as people write it: nothing for None; true, lists and tables as JSON."""
    if value is None:
        return ""
    if isinstance(value, bool | Mapping | list | tuple):
        import json

        return json.dumps(value, ensure_ascii=False)
    return value


def show_problems(problems: Iterable["Problem"]) -> None:
    """Error rows, on standard error."""
    for problem in problems:
        click.echo(f"mngr: {problem.provider}: {problem.what}: {problem.error}", err=True)
        if problem.hint:
            click.echo(f"  → {problem.hint}", err=True)
