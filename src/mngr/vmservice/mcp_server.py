"""A server of the Model Context Protocol by its official SDK, whatever its tools do and over which transport it is reached.

https://modelcontextprotocol.io/specification. The SDK's lower half: schemas, checks and errors are ours, and not those that it makes of a
function's signature. Importing this takes the SDK's second of a processor.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import mcp_types as types
import msgspec
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from pydantic import BaseModel, ValidationError

from mngr import __version__
from mngr.model.errors import MngrError
from mngr.model.progress import Step
from mngr.vmservice import problems
from mngr.vmservice.operations import problem_of
from mngr.vmservice.problems import Problem, with_details
from mngr.vmservice.shapes import Shape
from mngr.vmservice.toolbox import Tool

LOG = logging.getLogger("mngr.vmservice")
#: Where an error's answer has it as an object (RFC 9457); its text is for the model.
PROBLEM = "mngr/problem"

Context = ServerRequestContext[Any, Any]
Call = Callable[[str, Mapping[str, Any], Context], Awaitable[Any]]


class Failed(Exception):
    """Ends a call with that problem."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


def server(name: str, about: str, tools: Sequence[Tool], call: Call) -> Server[Any]:
    """`about`: how the tools are to be used. `call(tool, arguments, context)`: what one of these tools answers: a model, a Struct or
    a dict; raises MngrError, Failed."""
    shown = [_shown(one) for one in tools]
    schemas = {one.name: one.parameters for one in tools}

    async def list_(context: Context, asked: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        return types.ListToolsResult(tools=shown)

    async def called(context: Context, asked: types.CallToolRequestParams) -> types.CallToolResult:
        try:
            if asked.name not in schemas:
                raise Failed(_unknown(asked.name, schemas))
            return _answer(await call(asked.name, asked.arguments or {}, context))
        except Failed as failed:
            return _failure(failed.problem)
        except MngrError as error:
            return _failure(with_details(problem_of(error), error))
        except Exception as error:
            LOG.exception("tool %s failed", asked.name[:80])
            return _failure(problem_of(error))

    made: Server[Any] = Server(
        name, version=__version__, instructions=about, on_list_tools=list_, on_call_tool=called,
        get_tool_input_schema=schemas.get,
    )  # fmt: skip
    made.middleware.clear()  # of OpenTelemetry, which nothing here listens to
    return made


async def progress(context: Context, number: int, step: Step) -> None:
    """Tells a client that asked for it how far the call is. `number`: more than that of the last time."""
    so_far = f" {step.done}" + (f" of {step.of}" if step.of else "") + " bytes" if step.done else ""
    text = f"{step.phase}{': ' + step.detail if step.detail else ''}{so_far}"
    await context.session.report_progress(number, message=text)


def _shown(tool: Tool) -> types.Tool:
    hints = types.ToolAnnotations(
        read_only_hint=tool.scope == "read", destructive_hint=tool.scope == "destructive",
        idempotent_hint=tool.again, open_world_hint=False,
    )  # fmt: skip
    return types.Tool(
        name=tool.name, description=tool.about, input_schema=dict(tool.parameters), output_schema=dict(tool.answer),
        annotations=hints,
    )  # fmt: skip


def _answer(done: Any) -> types.CallToolResult:
    """As an object, and the same as text for clients that know no objects."""
    if isinstance(done, BaseModel):
        done = done.model_dump(mode="json")
    text = msgspec.json.encode(done).decode()
    if isinstance(done, msgspec.Struct):
        done = json.loads(text)
    return types.CallToolResult(content=[types.TextContent(text=text)], structured_content=done)


def _failure(problem: Problem) -> types.CallToolResult:
    """What happened, and what to do next, for a model to read."""
    lines = [problem.detail, *(f"{one.where}: {one.why}" for one in problem.errors or ())]
    if problem.hint:
        lines.append(f"What to do: {problem.hint}")
    told = {PROBLEM: json.loads(problem.model_dump_json(exclude_none=True))}
    return types.CallToolResult(content=[types.TextContent(text="\n".join(lines))], is_error=True, _meta=told)


def _unknown(name: str, known: Mapping[str, Any]) -> Problem:
    return Problem(
        title="Not Found",
        status=404,
        detail=f"there is no tool {name[:80]!r}",
        hint=f"one of {', '.join(known)}",
    )


def asked_of(name: str, request: type[Shape], arguments: Mapping[str, Any]) -> Any:
    """What a call of the tool asks, as `request` has it. Raises Failed."""
    try:
        return request.model_validate_json(json.dumps(arguments))
    except ValidationError as error:
        hint = f"its parameters: {', '.join(request.model_fields) or 'none'}; tools/list has their schema"
        raise Failed(
            problems.problem(422, f"{name} can't be called so", hint, problems.wrongs(error))
        ) from None
