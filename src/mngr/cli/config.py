"""`mngr config`."""

from typing import TYPE_CHECKING, Any

import click

from mngr.cli.output import check_format, for_programs, format_option, names_option
from mngr.providers.terminal import table

if TYPE_CHECKING:
    from mngr.config.schema import Config


@click.group("config", short_help="Show and change settings.")
def command() -> None:
    """Settings, from lowest to highest: your file, the project's, its local one, MNGR__ variables, flags.

    \b
    mngr config list
    mngr config set providers.vultr.default_plan vc2-2c-4gb
    """


@command.command("list")
@format_option
@names_option
def list_(form: str, quiet: bool) -> int:
    """Show every setting and where it is from. Secrets are masked.

    \b
    mngr config list
    """
    import os
    from pathlib import Path

    from mngr.config.home import home
    from mngr.config.layers import layers, load

    check_format(form)
    load(home())
    found: dict[str, dict[str, Any]] = {}
    for layer in layers(home(), Path.cwd(), os.environ):
        for key, value in _flat(layer.data):
            found[key] = {"key": key, "value": _masked(key, value), "source": layer.source}
    rows = [found[key] for key in sorted(found)]
    if for_programs(form, quiet, {"settings": rows}, rows, found):
        return 0
    if rows:
        table(["KEY", "VALUE", "FROM"], [[row["key"], str(row["value"]), row["source"]] for row in rows])
    else:
        click.echo("nothing is configured; all defaults apply")
    return 0


@command.command("set")
@click.argument("key")
@click.argument("value")
def set_(key: str, value: str) -> int:
    """Set a key in your config file; a value is text, or TOML where it parses as a number, boolean, list.

    \b
    mngr config set default_provider docker
    """
    return _change(key, value)


@command.command("unset")
@click.argument("key")
def unset(key: str) -> int:
    """Remove a key from your config file.

    \b
    mngr config unset default_provider
    """
    return _change(key, None)


@command.command("path")
def path() -> int:
    """Print your config file's path.

    \b
    $EDITOR "$(mngr config path)"
    """
    from mngr.config.home import home
    from mngr.config.layers import user_file

    click.echo(user_file(home()))
    return 0


def _change(key: str, value: str | None) -> int:
    from mngr.config.home import home
    from mngr.config.layers import change_user_file

    path = key.split(".")
    if value is None:
        change_user_file(home(), path, None)
    else:
        change_user_file(home(), path, value, lambda config: _check(path, config))
    return 0


def _check(path: list[str], config: "Config") -> None:
    """Raises MngrError if the setting means nothing to those that read it."""
    from mngr.agents.types import AgentType, find_type
    from mngr.config.schema import convert
    from mngr.model.idle import parse_mode
    from mngr.providers import registry

    if path[0] == "default_provider":
        registry.find_backend(
            registry.find_instance(config.default_provider, config).backend, config.providers
        )
    elif path[0] == "default_type":
        types = {name: convert(data, AgentType, name) for name, data in config.agent_types.items()}
        find_type(config.default_type, types)
    elif path[0] == "providers" and len(path) > 1:
        instance = registry.find_instance(path[1], config)
        registry.settings_of(instance)
        if "default_idle_mode" in instance.settings:
            parse_mode(str(instance.settings["default_idle_mode"]))


def _flat(data: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    pairs: list[tuple[str, Any]] = []
    for key, value in data.items():
        pairs += _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else [(prefix + key, value)]
    return pairs


_SECRET = ("secret", "key", "token", "password", "client_id", "credential")
_MASK = "********"


def _masked(key: str, value: Any) -> Any:
    *path, last = key.lower().split(".")
    odd = last.endswith("args") and not isinstance(value, list)
    if "env" in (*path, last) or odd or any(word in last for word in _SECRET):
        return _MASK
    if isinstance(value, list):
        return [_without_values(one, before) for one, before in zip(value, ["", *value], strict=False)]
    return _without_values(value, "")


def _without_values(text: Any, before: Any) -> Any:
    """What may hold a secret, without it: `--env=K=V`, `-e` and then `K=V`, a password in an address."""
    import re

    if not isinstance(text, str):
        return text
    if before in ("-e", "--env") or re.match(r"(-e|--env[ =])", text):
        return re.sub(r"^((?:-e|--env)?[ =]?[A-Za-z_][A-Za-z0-9_]*=).*", rf"\1{_MASK}", text, flags=re.DOTALL)
    return re.sub(r"(://)[^/@]*@", rf"\1{_MASK}@", text)
