"""`/mcp`: the tools by the Model Context Protocol, over streamable HTTP. Who may come in was asked before, at the door.

It keeps no sessions: each request stands for itself, in the protocol's older era as in the newer one, so a restart of the service
ends nobody's. The SDK is imported by the first request.
"""

from __future__ import annotations

import asyncio
import gc
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.types import Message, Receive, Send
from starlette.types import Scope as Asgi

from mngr.vmservice import audit, long, problems, toolbox
from mngr.vmservice.actions import Action
from mngr.vmservice.calls import Calls
from mngr.vmservice.operations import Live, problem_of, target_of
from mngr.vmservice.service import Service

if TYPE_CHECKING:
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

    from mngr.vmservice.mcp_server import Context

    Managers = tuple[StreamableHTTPSessionManager, StreamableHTTPSessionManager]

PATH = "/mcp"
NAME = "mngr-vm"
#: A client waits for an answer for a minute at least: after so many seconds it is the operation that goes on.
WAIT_S = 45.0
#: How often a client that asked for it is told how far a call is.
TOLD_S = 1.0
#: So many answers are kept for callers that may ask again, and so long, in seconds.
MOST_OWED, OWED_S = 256, 3600.0

ABOUT = """Virtual machines on libvirt, and SSH keys for them.
Memory is in MiB, disks are in GiB. A call that takes long goes on as an operation, also when its caller goes away: an answer with an
`id` that begins with op- is that operation. Make the same call again, or ask operation_show with `wait`, to have its result.
An error says what to do next. What a token doesn't allow, a person has to allow: don't try other ways."""


class Mcp:
    """An ASGI application, of which one at most is made of a service."""

    def __init__(self, calls: Calls, service: Service) -> None:
        self._calls, self._service = calls, service
        self._manager: asyncio.Task[Managers] | None = None
        self._running: asyncio.Task[None] | None = None
        self._end = asyncio.Event()
        #: What a caller went away from, or was told to ask for again, and since when.
        self._owed: OrderedDict[tuple[str, ...], tuple[Live, float]] = OrderedDict()

    async def __call__(self, scope: Asgi, receive: Receive, send: Send) -> None:
        if self._manager is None or (self._manager.done() and self._manager.exception()):
            self._manager = asyncio.create_task(self._start())
        plain, streaming = await asyncio.shield(self._manager)
        first = await receive()  # the whole of it: the door has read it
        manager = streaming if b'"progressToken"' in first.get("body", b"") else plain

        async def again() -> Message:
            nonlocal first
            message, first = first, {}
            return message or await receive()

        await manager.handle_request(scope, again, send)

    async def close(self) -> None:
        self._end.set()
        if self._running is not None:
            await self._running

    async def _start(self) -> Managers:
        """Raises Refused where the SDK isn't installed."""
        plain, streaming = await run_in_threadpool(self._made)
        started = asyncio.Event()

        async def run() -> None:
            async with plain.run(), streaming.run():
                started.set()
                await self._end.wait()

        self._running = asyncio.create_task(run())
        await started.wait()
        return plain, streaming

    def _made(self) -> Managers:
        """One answers in JSON, which takes half of the time; one by a stream of events, who asks how far a call is."""
        try:
            from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

            from mngr.vmservice.mcp_server import server
        except ImportError as problem:
            raise problems.Refused(
                501, f"the service has no MCP: {problem}; pip install 'mngr[mcp]' puts it there"
            ) from None
        made = server(NAME, ABOUT, toolbox.tools(), self._call)
        gc.freeze()  # as `serve` does: else each look for garbage goes through all of the SDK
        return (
            StreamableHTTPSessionManager(made, stateless=True, json_response=True),
            StreamableHTTPSessionManager(made, stateless=True),
        )

    # --- calls ----------------------------------------------------------------------------------------------------

    async def _call(self, name: str, arguments: Mapping[str, Any], context: Context) -> Any:
        """What a tool answers. Raises Failed. What REST's status would be is in the audit log."""
        from mngr.model.errors import MngrError
        from mngr.vmservice.mcp_server import Failed

        entry = audit.CURRENT.get()
        try:
            try:
                return await self._done(toolbox.BY_NAME[name], arguments, context, entry)
            except problems.Refused as refused:
                raise Failed(problems.Problem.model_validate_json(bytes(refused.answer.body))) from None
            except MngrError as error:
                raise Failed(problem_of(error)) from None
        except Failed as failed:
            if entry:
                entry.status = failed.problem.status
            raise

    async def _done(
        self, action: Action, arguments: Mapping[str, Any], context: Context, entry: audit.Entry | None
    ) -> Any:
        if entry:
            entry.action = action.name
        from mngr.vmservice.mcp_server import asked_of

        assert context.request is not None
        state = context.request.state
        problems.check_scope(state.allowed, action.scope)
        asked = asked_of(name=action.name, request=action.request, arguments=arguments)
        if entry:
            entry.target = audit.target(asked)
            if action.scope != "read":
                await run_in_threadpool(self._calls.audit.begin, entry)
        if action.long:
            return await self._long(action, asked, context, getattr(state, "who", ""))
        if action.scope != "read":
            self._settle(lambda one: target_of(one.asked) == target_of(asked))
        answer = await self._calls.run(action.kind, action.run, asked)
        if isinstance(answer, long.Operation):
            self._settle(lambda one: one.id == answer.id)  # its end was told
        return answer

    async def _long(self, action: Action, asked: Any, context: Context, who: str) -> Any:
        """Its answer, or its operation where it takes longer than a client waits."""
        from mngr.vmservice.mcp_server import progress

        key = (who, action.name, asked.model_dump_json(exclude_unset=True))
        live = self._left(key, action) or await self._calls.begin(action.kind, action, asked)
        audit.operation(live.id)
        self._owe(key, live)
        before, number, loop = None, 0, asyncio.get_running_loop()
        until = loop.time() + WAIT_S
        while not live.ended.is_set():
            if live.told != before:
                before, number = live.told, number + 1
                await progress(context, number, live.told)
            if (left := until - loop.time()) <= 0:
                return await self._calls.run("read", long.show, long.OperationRef(operation=live.id))
            seconds = min(left, TOLD_S)
            await self._calls.run("wait", lambda service, _, s=seconds: service.operations.wait(live, s))
        if context.request and not await context.request.is_disconnected():
            self._owed.pop(key, None)
        return live.result()

    def _left(self, key: tuple[str, ...], action: Action) -> Live | None:
        """What this caller began with the same call before, and hasn't heard the end of; but for one that failed, or one that
        says how the VM is now: such a call is made again."""
        live, since = self._owed.pop(key, (None, 0.0))
        is_old = asyncio.get_running_loop().time() - since > OWED_S
        if live and live.ended.is_set() and (live.error or action.plan or is_old):
            return None
        return live

    def _settle(self, is_meant: Callable[[Live], bool]) -> None:
        """Of these that have ended nobody is owed the answer any more."""
        for key in [key for key, (one, _) in self._owed.items() if one.ended.is_set() and is_meant(one)]:
            del self._owed[key]

    def _owe(self, key: tuple[str, ...], live: Live) -> None:
        """What else is owed of this VM isn't true any more."""
        self._settle(lambda one: target_of(one.asked) == target_of(live.asked))
        self._owed[key] = live, asyncio.get_running_loop().time()
        while len(self._owed) > MOST_OWED:
            self._owed.popitem(last=False)
