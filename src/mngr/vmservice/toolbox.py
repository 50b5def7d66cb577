"""Tools as agents' programs read them, made of ACTIONS: OpenAI's function calling, and what MCP needs beside that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from mngr.vmservice import long
from mngr.vmservice.actions import ACTIONS, Action, parameters
from mngr.vmservice.scopes import Scope


@dataclass(frozen=True)
class Tool:
    """`parameters` and `answer`: JSON Schemas of objects. `scope`: what a token needs for it, which is its risk, too. `again`:
    called twice with the same parameters it does no more than once."""

    name: str
    about: str
    scope: Scope
    parameters: Mapping[str, Any]
    answer: Mapping[str, Any]
    again: bool


#: By name.
BY_NAME: Mapping[str, Action] = {one.name: one for one in ACTIONS if one.tool}


def openai() -> list[dict[str, Any]]:
    """The functions of OpenAI's function calling."""
    return [
        {"name": one.name, "description": one.about, "parameters": parameters(one)}
        for one in BY_NAME.values()
    ]


def tools() -> Sequence[Tool]:
    return [_tool(one) for one in BY_NAME.values()]


def _tool(action: Action) -> Tool:
    return Tool(
        name=action.name, about=action.about, scope=action.scope, parameters=parameters(action), answer=_answer(action),
        again=action.scope == "read" or action.again,
    )  # fmt: skip


def _answer(action: Action) -> dict[str, Any]:
    """Of a long one it is the operation, too, which goes on where nobody waits any longer."""
    if action.long:
        both = TypeAdapter(action.answer | long.Operation)  # type: ignore[operator]
        return {"type": "object", **both.json_schema(mode="serialization")}
    schema: dict[str, Any] = action.answer.model_json_schema(mode="serialization")  # type: ignore[union-attr]
    return schema
