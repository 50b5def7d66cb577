"""What may stand in the config, and turning plain data into it with errors that name the nearest known key."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, TypeVar

import msgspec

from mngr.model.errors import InvalidInput

T = TypeVar("T", bound=msgspec.Struct)


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All layers merged. `providers` and `agent_types` are read by those that know them.

    `default_provider`: where `mngr create` goes without `--provider`. `default_type`: the agent type.
    `assume_yes`: answer yes to questions about money and destruction (as `--yes`). `tmux_config`: a file for the tmux
    servers of agents to read. `busy_cpu`: the share of a processor, in per cent, from which CPU time alone is work.
    """

    default_provider: str = "local"
    default_type: str = "shell"
    assume_yes: bool = False
    tmux_config: str = ""
    busy_cpu: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 10
    providers: dict[str, dict[str, Any]] = {}
    agent_types: dict[str, dict[str, Any]] = {}


def convert(data: Mapping[str, Any], kind: type[T], where: str) -> T:
    """`data` as a `kind`. Raises InvalidInput naming the place and, for an unknown key, the nearest known one."""
    known = [field.name for field in msgspec.structs.fields(kind)]
    for key in data:
        if key not in known:
            raise unknown_key(key, known, where)
    try:
        return msgspec.convert(dict(data), kind, strict=False)
    except msgspec.ValidationError as error:
        what, _, at = str(error).partition(" - at `$")
        place = f"{where}{at.rstrip('`')}" if at else where
        raise InvalidInput(
            f"{place}: {what}",
            hint="correct it in the config; `mngr config list` shows where each value is from",
        ) from None


def unknown_key(key: str, known: Iterable[str], where: str) -> InvalidInput:
    import difflib

    known = sorted(known)
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
    return InvalidInput(f"{where}: unknown key {key!r}", hint=hint)
