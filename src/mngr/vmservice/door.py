"""Before all routes: who is there, whether the request is one that everybody reads alike, and a body that isn't too big."""

from __future__ import annotations

import asyncio
import ipaddress
import math
from collections.abc import Callable
from typing import Any

from fastapi import Request
from fastapi.responses import Response
from starlette.types import ASGIApp, Message, Receive, Send
from starlette.types import Scope as Asgi

from mngr.model.errors import MngrError
from mngr.vmservice import bodies, hosts, problems
from mngr.vmservice.access import Tokens
from mngr.vmservice.audit import CURRENT, Entry
from mngr.vmservice.bodies import MOST_BODY
from mngr.vmservice.mcp_http import PATH as MCP
from mngr.vmservice.metrics import PATH, Metrics
from mngr.vmservice.rate import BURST_S, FAILED_PER_S, MOST_FAILED, Buckets, neighbours
from mngr.vmservice.service import Service

#: Whoever comes without a token sees these, and nothing else.
OPEN = ("/healthz", "/openapi.json", "/tools", "/tools.json")
#: Of a body that is too big so much is still read, so that its sender comes to read the answer.
MOST_IGNORED = 32 * 1024 * 1024
#: So long a body may take.
BODY_S = 60.0
#: Headers that say how a request is read: of two one reader takes the first, and another one the last.
ONCE = ("Host", "Content-Type", "Content-Encoding", "Content-Length", "Transfer-Encoding")


class Door:
    """`tokens`: None lets everybody in who is on this computer."""

    def __init__(
        self, app: ASGIApp, tokens: Tokens | None, service: Service, metrics: Metrics | None = None
    ) -> None:
        self._app, self._tokens, self._metrics = app, tokens, metrics
        self._open = {*OPEN, *([PATH] if service.settings.open_metrics else [])}
        self._hosts = service.settings.hosts
        self._audit, self._now = service.audit, service.now
        rate = service.settings.rate
        self._calls = Buckets(rate, rate * BURST_S, self._now) if rate else None
        self._failed = Buckets(FAILED_PER_S, MOST_FAILED, self._now) if rate else None
        #: Of those who are refused for their number one a minute is in the log.
        self._told = Buckets(1 / 60, 1, self._now)

    async def __call__(self, scope: Asgi, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        request = Request(scope)
        address = request.client.host if request.client else ""
        entry = Entry(address, request.method, request.url.path, self._now())
        status = 0

        async def sent(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        mark = CURRENT.set(entry)
        try:
            await self._answered(request, entry, receive, sent)
        except Exception:
            status = status or 500  # which is answered above us
            raise
        finally:
            CURRENT.reset(mark)
            self._end(entry, entry.status or status or 499)  # as nginx has it: the caller went away

    def _end(self, entry: Entry, status: int) -> None:
        is_open = entry.path in (*self._open, PATH) and status < 400
        now = self._now()
        if self._metrics:
            self._metrics.count(entry.action, status, now - entry.began)
        # Whoever has no token mustn't fill the log.
        is_turned_away = status == 429 or (not entry.who and status in (403, 421))
        if is_open or (is_turned_away and self._told.take(neighbours(entry.address))):
            return
        self._audit.end(entry, status, now)

    async def _answered(self, request: Request, entry: Entry, receive: Receive, send: Send) -> None:
        # Here, and not in a thread: it is a small file, and threads may all be busy.
        scope = request.scope
        if scope["path"] == MCP and (refusal := hosts.foreign(request, self._hosts)):
            return await refusal(scope, receive, send)
        if refusal := self._who(request, entry) or self._too_often(entry) or _odd(request):
            return await refusal(scope, receive, send)
        try:
            async with asyncio.timeout(BODY_S):
                body = b"" if (is_huge := _is_huge(request)) else await _read(receive)
        except TimeoutError:
            return await _unread(408, f"the body didn't come within {BODY_S:g} s")(scope, receive, send)
        if body is None:
            return None  # nobody is there, and what was asked for isn't known
        taken: bytes | Response
        if is_huge or len(body) > MOST_BODY:
            taken = _unread(413, f"the body is too big: at most {MOST_BODY} bytes are taken")
        else:
            taken = bodies.taken(request.headers, body)
        if isinstance(taken, Response):
            return await taken(scope, receive, send)
        if scope["method"] == "HEAD":
            scope, send = {**scope, "method": "GET"}, _without_body(send)
        return await _to_its_end(self._app, scope, _replayed(taken, receive), send)

    def _who(self, request: Request, entry: Entry) -> Response | None:
        """Why not; or nothing, and then the request's state says what its token allows."""
        request.state.allowed = "destructive" if self._tokens is None else None
        if self._tokens is None and not _is_from_here(request):
            return problems.answer(
                403, "without tokens this is for programs on this computer, not for pages in a browser",
                "ask http://127.0.0.1, without an Origin; `mngr vm token create` makes a token",
            )  # fmt: skip
        if self._tokens is None or request.url.path in self._open:
            return None
        given = request.headers.getlist("authorization")
        kind, _, token = given[0].partition(" ") if len(given) == 1 else ("", "", "")
        try:
            who = self._tokens.whose(token.strip()) if kind.lower() == "bearer" and token else None
        except MngrError as problem:
            return problems.of(problem)
        if who is None:
            if self._failed and (wait := self._failed.take(neighbours(entry.address))):
                return _later(wait, "too many calls from there without a token that is known")
            return problems.answer(
                401, "that token isn't known" if given else "a token is needed",
                "send `Authorization: Bearer TOKEN`; `mngr vm token create` makes one", headers={"WWW-Authenticate": "Bearer"},
            )  # fmt: skip
        entry.who, entry.scope = who
        request.state.who, request.state.allowed = who
        return None

    def _too_often(self, entry: Entry) -> Response | None:
        key = f"token {entry.who}" if entry.who else neighbours(entry.address)
        if self._calls and (wait := self._calls.take(key)):
            return _later(wait, "too many calls" + (f" with the token {entry.who}" if entry.who else ""))
        return None


def _later(wait: float, why: str) -> Response:
    headers = {"Retry-After": str(math.ceil(wait))}
    return problems.answer(429, why, "VM_PROVISIONER_RATE sets how many a second are taken", headers=headers)


def _odd(request: Request) -> Response | None:
    """What a proxy before us may have read in another way: a path that has to be taken apart first, a body with two ends."""
    raw = bytes(request.scope.get("raw_path") or b"").lower()
    path: str = request.scope["path"]
    if (
        any(one in raw for one in (b"%2f", b"%5c"))
        or {".", ".."} & {*path.split("/")}
        or not path.isprintable()
    ):
        return problems.answer(404, "there is nothing at that path", "write it plainly, without %2F and ..")
    if twice := [name for name in ONCE if len(request.headers.getlist(name)) > 1]:
        return problems.answer(400, f"a request has one {twice[0]} at most", "send each header once")
    if "content-length" in request.headers and "transfer-encoding" in request.headers:
        return problems.answer(400, "a request has a Content-Length or a Transfer-Encoding, not both")
    return None


def _is_from_here(request: Request) -> bool:
    """A page of any site may have a browser send requests here: then there is an Origin, or a name as the Host."""
    if "origin" in request.headers:
        return False
    host = request.headers.get("host", "")
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    if name.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _is_huge(request: Request) -> bool:
    """Whether a body says itself that it is more than will be read: it isn't waited for."""
    said = request.headers.get("content-length", "")
    return said.isdecimal() and int(said[:20]) > MOST_BODY + MOST_IGNORED


def _unread(status: int, detail: str) -> Response:
    """An answer to a body that isn't read to its end: what comes after it is no request."""
    return problems.answer(status, detail, headers={"Connection": "close"})


async def _read(receive: Receive) -> bytes | None:
    """The body; of one that is too big, its beginning; None if whoever sent it went away."""
    body, ignored = bytearray(), 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        if len(body) <= MOST_BODY:
            body += message.get("body", b"")
        else:
            ignored += len(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body") or ignored > MOST_IGNORED:
            return bytes(body)


def _replayed(body: bytes, receive: Receive) -> Callable[[], Any]:
    """A `receive` that gives the body which was read already."""
    first = True

    async def again() -> Message:
        nonlocal first
        if first:
            first = False
            return {"type": "http.request", "body": body, "more_body": False}
        return await receive()

    return again


def _without_body(send: Send) -> Send:
    """HEAD is GET whose answer has no body. https://www.rfc-editor.org/rfc/rfc9110#section-9.3.2"""

    async def sent(message: Message) -> None:
        await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

    return sent


async def _to_its_end(app: ASGIApp, scope: Asgi, receive: Receive, send: Send) -> None:
    """A request that still runs when the service ends is told so. Its thread goes on: `Service.close` waits for that."""
    begun = False

    async def sent(message: Message) -> None:
        nonlocal begun
        begun = True
        await send(message)

    try:
        await app(scope, receive, sent)
    except asyncio.CancelledError:
        if not begun:
            ended = problems.answer(503, "the service was ended meanwhile", "ask again when it is back")
            await ended(scope, receive, send)
