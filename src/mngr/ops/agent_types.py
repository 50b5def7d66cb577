"""Agent types, as this user has them: what ships, and over it the config."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import msgspec

from mngr.agents import types
from mngr.agents.types import AgentType
from mngr.config.layers import source
from mngr.model.errors import InvalidInput, MngrError
from mngr.ops.context import Mngr


def find(mngr: Mngr, name: str) -> AgentType:
    """The type called `name`, checked. Raises InvalidInput naming the known ones, or the key and its file."""
    return types.find_type(name, mngr.config.agent_types, partial(_from, mngr, name))


def _from(mngr: Mngr, name: str, key: str) -> str:
    """Where a setting of an agent type is from, for an error about it."""
    return f"{source(mngr.home, ('agent_types', name, key))}: [agent_types.{name}]"


def rules_now(mngr: Mngr, name: str) -> str | None:
    """The rules by which states are seen, of a type as the user's own config has it now; None where that doesn't know it, or not
    how to read it: an agent of it that is there then keeps those it has."""
    from mngr.agents import type_files

    try:
        return type_files.rules(types.find_type(name, mngr.own_types))
    except MngrError:
        return None


class ShownType(msgspec.Struct, frozen=True, kw_only=True):
    """A type. `source`: `mngr` for one that ships, `config` for one of the user's own, `mngr, config` for one of both. `kind`:
    None where `problem` says what is wrong with it; values of the user's own that may be secrets are masked. `default`: what a create without a type makes."""

    name: str
    source: str
    kind: AgentType | None
    default: bool = False
    problem: str = ""


def all_types(mngr: Mngr) -> list[ShownType]:
    """All types, sorted by name; what is wrong with one is said of that one."""
    return [_shown(mngr, name) for name in types.known(mngr.config.agent_types)]


def show(mngr: Mngr, name: str) -> ShownType:
    """The type called `name`. Raises as `find`."""
    find(mngr, name)
    return _shown(mngr, name)


def _shown(mngr: Mngr, name: str) -> ShownType:
    where = [
        *(["mngr"] if name in types.shipped() else []),
        *(["config"] if name in mngr.config.agent_types else []),
    ]
    kind, problem = None, ""
    try:
        kind = _masked(find(mngr, name), mngr.config.agent_types.get(name, {}))
    except InvalidInput as error:
        problem = str(error)
    default = name == mngr.config.default_type
    return ShownType(name=name, source=", ".join(where), kind=kind, default=default, problem=problem)


def _masked(kind: AgentType, own: Mapping[str, Any]) -> AgentType:
    """Without what may be secrets: those that the config has."""
    from mngr.ops.settings import MASK, masked

    env = {key: MASK if key in own.get("env", {}) else value for key, value in kind.env.items()}
    plain = {
        key: masked(key, getattr(kind, key)) for key in own if key in ("command", "continues", "install")
    }
    return msgspec.structs.replace(kind, env=env, **plain)
