"""The server: tools over standard input and output, for one client, until that goes away. Importing this takes the SDK's second."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import Any

import anyio
from anyio import to_thread
from mcp.server.stdio import stdio_server

from mngr.mcp import own
from mngr.mcp.operations import Operations
from mngr.mcp.registry import all_verbs
from mngr.mcp.verbs import Caller, Verb
from mngr.model.progress import Step
from mngr.vmservice import problems, scopes
from mngr.vmservice.mcp_server import Context, Failed, asked_of, progress, server
from mngr.vmservice.operations import target_of
from mngr.vmservice.scopes import Scope
from mngr.vmservice.toolbox import Tool

NAME = "mngr"
#: As over HTTP: a client waits for an answer for a minute at least.
WAIT_S = 45.0
#: Between two looks whether an operation has ended: at first, and at most.
FIRST_S, MOST_S = 0.02, 0.5

ABOUT = """mngr runs coding agents (any command in a terminal) in containers on machines that its user owns or rents, and makes VMs.
agent_create first answers with a plan and its price, and makes nothing: show that to the user where it costs money, then call it again
with `plan`. Only agents that this client made can be destroyed by it. A call that takes long goes on as an operation, also when its
client goes away: an answer with an `id` that begins with op- is that operation. Make the same call again, or ask operation_show with
`wait`, to have its result. An error says what to do next. What isn't allowed, a person has to allow: don't try other ways."""


class Server:
    """`scope`: the most that a tool may need; `client`: whose agents those are that are made."""

    def __init__(self, client: str, scope: Scope) -> None:
        self._caller = Caller(client)
        self._scope: Scope = scope
        self._operations = Operations(self._caller.home / "mcp")
        self._verbs: Mapping[str, Verb] = {**all_verbs(), **own.verbs(self._operations)}

    def run(self) -> None:
        """Until standard input ends."""
        logging.basicConfig(level=logging.WARNING)  # on standard error
        anyio.run(self._run)

    async def _run(self) -> None:
        made = server(NAME, ABOUT, [_tool(one) for one in self._verbs.values()], self._call)
        async with stdio_server() as (read, write):
            await made.run(read, write, made.create_initialization_options())

    async def _call(self, name: str, arguments: Mapping[str, Any], context: Context) -> Any:
        verb = self._verbs[name]
        if not scopes.allows(self._scope, verb.scope):
            raise Failed(
                problems.problem(
                    403, f"{name} takes the scope {verb.scope}, and this server was started with {self._scope}",
                    f"whoever set it up may have it started as `mngr mcp --scope {verb.scope}`",
                )
            )  # fmt: skip
        asked = asked_of(verb.name, verb.request, arguments)
        if verb.long(asked):
            return await self._long(verb, asked, context)
        return await to_thread.run_sync(verb.run, self._caller, asked, abandon_on_cancel=True)

    async def _long(self, verb: Verb, asked: Any, context: Context) -> Any:
        """Its answer, or its operation where it takes longer than a client waits."""
        text = asked.model_dump_json(exclude_unset=True)
        id = await to_thread.run_sync(
            self._operations.begin,
            verb.name,
            self._caller.client,
            text,
            target_of(asked),
            _within(verb, asked),
        )
        before, number, pause, until = None, 0, FIRST_S, anyio.current_time() + WAIT_S
        while not self._operations.has_ended(id):
            shown = self._operations.show(id)
            if shown.progress != before:
                before, number = shown.progress, number + 1
                step = Step(before.phase, before.detail, done=before.done, of=before.total)
                await progress(context, number, step)
            if anyio.current_time() > until:
                return shown
            await anyio.sleep(pause)
            pause = min(pause * 1.5, MOST_S)
        shown = self._operations.show(id)
        self._operations.heard(id)
        if shown.problem:
            raise Failed(shown.problem)
        return shown.result


def _within(verb: Verb, asked: Any) -> str:
    """What else than its arguments makes a call this one."""
    if verb.name.startswith("agent_"):
        return os.getcwd() if getattr(asked, "source", None) is not None else ""
    return os.environ.get("VM_PROVISIONER_URL", "")


def _tool(verb: Verb) -> Tool:
    from mngr.vmservice.actions import schema_of

    return Tool(
        verb.name,
        verb.about,
        verb.scope,
        schema_of(verb.request),
        verb.answer,
        verb.again or verb.scope == "read",
    )
