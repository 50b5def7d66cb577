"""`mngr type`."""

from typing import Any

import click

from mngr.cli.output import check_format, for_programs, format_option, names_option, quiet_option


@click.group("type", short_help="List and show agent types.")
def command() -> None:
    """Agent types: those that come with mngr, and your own from the config. docs/agents.md has all their keys.

    \b
    mngr type list
    mngr type show claude
    """


@command.command("list")
@format_option
@names_option
def list_(form: str, quiet: bool) -> int:
    """List agent types.

    \b
    mngr type list
    mngr type list --format '{name} {version}'
    """
    from mngr.cli.output import write_rows
    from mngr.ops.agent_types import all_types
    from mngr.ops.context import Mngr
    from mngr.providers.terminal import table

    check_format(form, _row())
    rows = [
        {
            "name": one.name, "from": one.source, "about": one.kind.about if one.kind else "",
            "version": one.kind.version if one.kind else "", "default": one.default, "problem": one.problem,
        }
        for one in all_types(Mngr())
    ]  # fmt: skip
    if form not in ("human", "json", "jsonl"):
        write_rows(form, rows, _row())
    elif not for_programs(form, quiet, {"types": rows}, rows, (row["name"] for row in rows)):
        table(
            ["TYPE", "FROM", "VERSION", "WHAT"],
            [
                [
                    row["name"],
                    row["from"],
                    row["version"],
                    row["problem"]
                    or row["about"]
                    + (" (the default)" if row["default"] and "default" not in row["about"] else ""),
                ]
                for row in rows
            ],
        )
    return 0


def _row() -> dict[str, Any]:
    return {**dict.fromkeys(("name", "from", "about", "version", "problem"), ""), "default": False}


@command.command("show")
@click.argument("kind", metavar="TYPE")
@format_option
@quiet_option
def show(kind: str, form: str, quiet: bool) -> int:
    """Show all keys of an agent type, as they would stand in the config; those that aren't set are left out.

    \b
    mngr type show claude
    mngr type show claude --format json
    """
    import msgspec

    from mngr.cli.output import write_json, write_rows
    from mngr.ops.agent_types import show as show_type
    from mngr.ops.context import Mngr

    check_format(form, {"name": ""})
    one = show_type(Mngr(), kind)
    data: dict[str, Any] = {"name": one.name, "from": one.source, **msgspec.to_builtins(one.kind)}
    if form == "json":
        write_json(data)
    elif form != "human":
        write_rows(form, [data], data)
    else:
        if not quiet:
            click.echo(f"# from {one.source}")
        click.echo(
            as_toml(one.name, {key: value for key, value in data.items() if key not in ("name", "from")})
        )
    return 0


def as_toml(name: str, keys: dict[str, Any]) -> str:
    """A type as a table of the config: plain keys first, then tables, then lists of tables."""
    keys = {key: value for key, value in keys.items() if value not in ("", [], {}, None)}
    tables = {key: value for key, value in keys.items() if isinstance(value, dict)}
    lists = {
        key: value for key, value in keys.items() if isinstance(value, list) and isinstance(value[0], dict)
    }
    lines = [f"[agent_types.{name}]"]
    lines += [f"{key} = {_value(value)}" for key, value in keys.items() if key not in (*tables, *lists)]
    for key, table in tables.items():
        lines += ["", f"[agent_types.{name}.{key}]", *_pairs(table)]
    for key, some in lists.items():
        for one in some:
            lines += ["", f"[[agent_types.{name}.{key}]]", *_pairs(one)]
    return "\n".join(lines)


def _pairs(table: dict[str, Any]) -> list[str]:
    return [f"{_key(key)} = {_value(value)}" for key, value in table.items() if value not in ("", [])]


def _key(text: str) -> str:
    bare = text.replace("-", "").replace("_", "")
    return text if bare.isascii() and bare.isalnum() else _basic(text)


def _value(value: str | list[str] | dict[str, Any]) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_value(one) for one in value)}]"
    if isinstance(value, dict):
        return "{" + ", ".join(_pairs(value)) + "}"
    if "\n" in value and "'''" not in value:
        return f"'''\n{value.strip(chr(10))}\n'''"
    if any(sign in value for sign in '"\\') and not any(sign in value for sign in "'\n"):
        return f"'{value}'"
    return _basic(value)


def _basic(text: str) -> str:
    """A basic string of TOML is one of JSON."""
    import json

    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
