"""Agent types, as this user has them: what ships, and over it the config."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from mngr.agents import types
from mngr.agents.types import AgentType
from mngr.config.layers import source
from mngr.model.errors import MngrError
from mngr.ops.context import Mngr


def find(mngr: Mngr, name: str) -> AgentType:
    """The type called `name`, checked. Raises InvalidInput naming the known ones, or the key and its file."""
    return types.find_type(name, mngr.config.agent_types, partial(_from, mngr, name))


def _from(mngr: Mngr, name: str, key: str) -> str:
    """Where a setting of an agent type is from, for an error about it."""
    return f"{source(mngr.home, ('agent_types', name, key))}: [agent_types.{name}]"


def rules_now(mngr: Mngr, name: str) -> str | None:
    """The rules by which states are seen, of a type as it is now; None where this computer doesn't know it, or not how to
    read it: an agent of it that is there then keeps those it has."""
    from mngr.agents import type_files

    configured: Mapping[str, Mapping[str, Any]] = mngr.config.agent_types
    try:
        return type_files.rules(types.find_type(name, configured))
    except MngrError:
        return None
