"""What may stand in the config, and turning plain data into it with errors that name the nearest known key."""

from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, TypeVar

import msgspec

from mngr.model.errors import InvalidInput
from mngr.model.guess import did_you_mean
from mngr.model.idle import parse_duration

T = TypeVar("T", bound=msgspec.Struct)

#: A field's type, for a time in seconds; in a config it may also be written as `90s`, `15m`, `2h`.
Seconds = Annotated[float, msgspec.Meta(extra={"unit": "s"})]


#: An address that hosts post to: nothing in it that a file of curl's would read otherwise.
_URL = r"^(https?://[!#-\[\]-~]+)?$"


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All layers merged. `providers` and `agent_types` are read by those that know them.

    `default_provider`: where `mngr create` goes without `--provider`. `default_type`: the agent type.
    `assume_yes`: answer yes to questions about money and destruction (as `--yes`). `ask_above`: a price per hour, in the
    provider's currency, up to which nobody is asked. `tmux_config`: a file for the tmux
    servers of agents to read. `on_change`: a command (a shell line, or an argv) that is run for each change of an agent's state
    (ops.on_change), from the user's own file or the environment alone. `tell_url`: an
    address (http or https) that hosts post to when an agent waits or is done; as secret as a token, and as on_change nobody
    else's to set. What is work, where an agent's program doesn't say how it
    is: `busy_cpu`: the share of a processor, in per cent, from which CPU time alone is; `busy_output`: from so many bytes of text in
    a look, about a second, output is; `quiet`: s without either, and an agent waits. `background`: s after its last work for which
    what an agent left running in the background keeps its host up. `log_size`: MiB that an agent's log takes at most, and again
    as its older part.
    """

    default_provider: str = "local"
    default_type: str = "shell"
    assume_yes: bool = False
    ask_above: Annotated[float, msgspec.Meta(ge=0)] = 0
    tmux_config: str = ""
    on_change: str | list[str] = ""
    tell_url: Annotated[str, msgspec.Meta(pattern=_URL)] = ""
    busy_cpu: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 10
    busy_output: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 1
    quiet: Seconds = 10
    background: Seconds = 7200
    log_size: Annotated[int, msgspec.Meta(ge=1, le=1024)] = 8
    providers: dict[str, dict[str, Any]] = {}
    agent_types: dict[str, dict[str, Any]] = {}


def convert(data: Mapping[str, Any], kind: type[T], where: str | Callable[[str], str]) -> T:
    """`data` as a `kind`. Raises InvalidInput naming the place and, for an unknown key, the nearest known one.

    `where`: the place, or a function that says it of a key, where keys come from several files.
    """
    says = where if callable(where) else lambda key: where
    known = {field.name: field.type for field in msgspec.structs.fields(kind)}
    data = dict(data)
    for key, value in data.items():
        if key not in known:
            raise unknown_key(key, known, says(key))
        if known[key] == Seconds and isinstance(value, str) and value[-1:].isalpha():
            try:
                data[key] = parse_duration(value, zero=True)
            except InvalidInput as error:
                raise wrong_type(says(key), key, f"{error}; {error.hint}") from None
    if kind is Config:
        _check_tables(data, says(""))
    try:
        return msgspec.convert(data, kind, strict=False)
    except msgspec.ValidationError as error:
        what, _, at = str(error).partition(" - at `$")
        from mngr.config.places import named

        key, words = named(data, kind, at.rstrip("`").removeprefix("."))
        why = f"must be one of {', '.join(words)}" if words else _in_words(what)
        raise wrong_type(says(key.partition(".")[0].partition("[")[0]), key, why) from None


def wrong_type(where: str, key: str, what: str) -> InvalidInput:
    """The error of a value that can't stand at `key` of `where`, a file, or a table of the config."""
    return InvalidInput(
        f"{where}: {key}: {what}" if key else f"{where}: {what}",
        hint="correct it in the config; `mngr config list` shows where each value is from",
    )


def _check_tables(data: Mapping[str, Any], where: str) -> None:
    """Raises InvalidInput naming what should be a table and isn't: `providers = 3`, `[[providers.docker]]`."""
    for key in ("providers", "agent_types"):
        found = data.get(key, {})
        if not isinstance(found, Mapping):
            raise wrong_type(where, key, f"{_not_a_table(found)}; write [{key}.NAME]")
        for name, value in found.items():
            if not isinstance(value, Mapping):
                raise wrong_type(where, f"{key}.{name}", f"{_not_a_table(value)}; write [{key}.{name}]")


def _not_a_table(value: Any) -> str:
    return f"must be a table, not {_NAMES.get(type(value).__name__, 'that')}"


#: Types in words, by Python's and by msgspec's names.
_NAMES = {
    "object": "a table", "dict": "a table", "array": "a list", "list": "a list", "str": "text", "bool": "true or false",
    "int": "a number", "float": "a number", "null": "nothing", "datetime": "a date", "date": "a date", "time": "a time",
}  # fmt: skip


def _in_words(what: str) -> str:
    """msgspec's "Expected `str`, got `int`" as people say it; all else as it is."""
    import re

    if "matching regex" in what:
        return "must be an address such as https://ntfy.sh/TOPIC: http or https, without blanks, quotes and backslashes"
    found = re.fullmatch(r"Expected `([^`]*)`, got `([^`]*)`", what)
    if not found:
        return what
    wanted, got = ([_NAMES.get(one, one) for one in part.split(" | ")] for part in found.groups())
    return f"must be {' or '.join(wanted)}, not {' or '.join(got)}"


def unknown_key(key: str, known: Iterable[str], where: str) -> InvalidInput:
    known = sorted(known)
    hint = did_you_mean(key, known, 0.5) or f"known: {', '.join(known)}"
    return InvalidInput(f"{where}: unknown key {key!r}", hint=hint)
