"""`mngr config`."""

from typing import TYPE_CHECKING

import click

from mngr.cli.output import as_text, check_format, for_programs, format_option, names_option
from mngr.providers.terminal import table

if TYPE_CHECKING:
    from mngr.model.errors import InvalidInput


@click.group("config", short_help="Show and change settings.")
def command() -> None:
    """Settings, from lowest to highest: your file, the project's, its local one, MNGR__ variables, flags.

    \b
    mngr config list
    mngr config set providers.vultr.default_plan vc2-2c-4gb
    """


@command.command("list")
@click.argument("key", default="")
@format_option
@names_option
def list_(key: str, form: str, quiet: bool) -> int:
    """Show every setting, or KEY and those below it, and where each value is from. Secrets are masked.

    \b
    mngr config list
    mngr config list providers.docker
    """
    import msgspec

    from mngr.ops.context import Mngr
    from mngr.ops.settings import settings

    check_format(form)
    found = {
        name: one for name, one in settings(Mngr()).items() if f"{name}.".startswith(f"{key}." if key else "")
    }
    if key and not found:
        raise _unknown(key)
    rows = [msgspec.structs.asdict(one) for one in found.values()]
    if not for_programs(form, quiet, {"settings": rows}, rows, found):
        table(
            ["KEY", "VALUE", "FROM"],
            [[one.key, str(as_text(one.value)), one.source] for one in found.values()],
        )
    return 0


@command.command("get")
@click.argument("key")
def get(key: str) -> int:
    """Print the value of a key: the one that holds here, also if it is the default. A secret isn't printed.

    \b
    mngr config get default_provider
    """
    from mngr.model.errors import NotSupported
    from mngr.ops.context import Mngr
    from mngr.ops.settings import settings

    one = settings(Mngr()).get(key)
    if one is None:
        raise _unknown(key)
    if one.masked:
        raise NotSupported(f"{key} holds a secret, which isn't printed", hint=f"it is set in {one.source}")
    click.echo(as_text(one.value))
    return 0


@command.command("set")
@click.argument("key")
@click.argument("value")
def set_(key: str, value: str) -> int:
    """Set a key in your config file; a value is text, or TOML where it parses as a number, boolean, list.

    \b
    mngr config set default_provider docker
    mngr config set providers.docker.default_idle_timeout 1h
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
    from mngr.ops.context import Mngr
    from mngr.ops.settings import change

    change(Mngr(), key, value)
    return 0


def _unknown(key: str) -> "InvalidInput":
    from mngr.model.errors import InvalidInput
    from mngr.model.guess import did_you_mean
    from mngr.ops.context import Mngr
    from mngr.ops.settings import settings

    found = settings(Mngr())
    below = (
        f"`mngr config list {key}` shows what is below it"
        if any(one.startswith(f"{key}.") for one in found)
        else ""
    )
    return InvalidInput(
        f"there is no setting {key!r}",
        hint=below or did_you_mean(key, found) or "`mngr config list` shows all",
    )
