"""The HTTP application: routes made of ACTIONS, who may call them, and what a stranger sees."""

from __future__ import annotations

import asyncio
import inspect
import ipaddress
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Query, Request
from fastapi import Path as InPath
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from pydantic import BaseModel, ConfigDict, ValidationError, create_model
from pydantic.fields import FieldInfo
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Send
from starlette.types import Scope as Asgi

from mngr import __version__
from mngr.model.clock import iso
from mngr.model.errors import MngrError, Unreachable
from mngr.vmservice import long, problems, scopes
from mngr.vmservice.access import Tokens
from mngr.vmservice.actions import ACTIONS, Action, parameters
from mngr.vmservice.calls import Calls
from mngr.vmservice.scopes import Scope
from mngr.vmservice.service import Service

MOST_BODY = 1024 * 1024
#: Whoever comes without a token sees these, and nothing else.
OPEN = ("/healthz", "/openapi.json", "/tools", "/tools.json")
#: Any call may end so.
ALWAYS = (400, 401, 403, 405, 413, 422, 500, 503)

_IN_PATH = re.compile(r"\{(\w+)\}")


def make(service: Service, tokens: Tokens | None) -> FastAPI:
    """`tokens`: None lets everybody do everything, for loopback only."""

    calls = Calls(service)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await run_in_threadpool(service.begin)
        long_ones = {action.name: action for action in ACTIONS if action.long}
        for live in await run_in_threadpool(service.operations.left, long_ones):
            calls.go_on(live)
        yield
        await run_in_threadpool(service.close)

    app = FastAPI(
        title="mngr VM provisioning service", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None,
        description="Virtual machines on libvirt, and SSH keys for them. Errors are application/problem+json (RFC 9457).",
    )  # fmt: skip
    problems.handle(app)
    for action in ACTIONS:
        _route(app, calls, action)
    _tools(app, service, calls)
    _health(app, calls)
    app.add_middleware(Door, tokens=tokens)
    _described(app)
    return app


# --- endpoints ----------------------------------------------------------------------------------------------------


def _route(app: FastAPI, calls: Calls, action: Action) -> None:
    """An endpoint whose signature says what is in the path and what in the body, for FastAPI to read."""
    names = _IN_PATH.findall(action.path)
    fields = action.request.model_fields
    body = {key: (one.annotation, one) for key, one in fields.items() if key not in names}
    given = [inspect.Parameter(name, KEYWORD, annotation=_in_path(action, name)) for name in names]
    if action.method == "GET":
        given += [_in_query(key, one) for key, one in fields.items() if key in body]
    if body and action.method in ("POST", "PATCH"):
        model = action.request if not names else _without(action, body)
        optional = all(not one.is_required() for key, one in fields.items() if key in body)
        default = model() if optional else inspect.Parameter.empty
        given.append(inspect.Parameter("body", KEYWORD, annotation=model, default=default))

    if action.long:
        given.append(inspect.Parameter("request", KEYWORD, annotation=Request))

    async def endpoint(**sent: Any) -> Any:
        request = sent.pop("request", None)
        more = sent.pop("body", None)
        asked = action.request(**sent, **(more.model_dump() if more is not None else {}))
        if request is not None:
            return await long.answer(calls, action, asked, request, action.kind)
        return await calls.run(action.kind, action.run, asked)

    endpoint.__signature__ = inspect.Signature(given)  # type: ignore[attr-defined]
    endpoint.__name__ = action.name
    plain = action.answer is str
    app.add_api_route(
        action.path, endpoint, methods=[action.method], summary=action.about, operation_id=action.name,
        response_model=None if plain else action.answer, response_class=PlainTextResponse if plain else JSONResponse,
        responses={**(long.RESPONSES if action.long else {}), **problems.documented(*sorted({*ALWAYS, *action.fails}))},
        openapi_extra={**SECURED, **({"parameters": [long.PREFER]} if action.long else {})},
        dependencies=[_needs(action.scope)],
    )  # fmt: skip


KEYWORD = inspect.Parameter.KEYWORD_ONLY
SECURED = {"security": [{"token": []}]}


def _in_path(action: Action, name: str) -> Any:
    annotation, field = action.request.model_fields[name].annotation, action.request.model_fields[name]
    pattern = next(one.pattern for one in field.metadata if getattr(one, "pattern", None))
    return Annotated[annotation, InPath(pattern=pattern, description=field.description)]


def _in_query(name: str, field: FieldInfo) -> inspect.Parameter:
    asked = Query(description=field.description)
    annotation = Annotated[(field.annotation, *field.metadata, asked)]  # type: ignore[valid-type]
    return inspect.Parameter(name, KEYWORD, annotation=annotation, default=field.default)


def _without(action: Action, body: dict[str, Any]) -> type[BaseModel]:
    name = "".join(part.title() for part in action.name.split("_")) + "Body"
    return create_model(name, __config__=ConfigDict(strict=True, extra="forbid"), **body)


def _health(app: FastAPI, calls: Calls) -> None:
    @app.get("/healthz", response_class=PlainTextResponse, responses=problems.documented(405, 503),
             summary="Whether libvirt answers", operation_id="healthz")  # fmt: skip
    async def healthz() -> str:
        try:
            await calls.run("health", lambda service, _: service.check())
        except MngrError as problem:
            raise Unreachable(problem.message, hint=problem.hint) from None
        return "OK"


# --- tools --------------------------------------------------------------------------------------------------------


def definitions() -> list[dict[str, Any]]:
    return [
        {"name": one.name, "description": one.about, "parameters": parameters(one)}
        for one in ACTIONS
        if one.tool
    ]


def _tools(app: FastAPI, service: Service, calls: Calls) -> None:
    by_name = {one.name: one for one in ACTIONS if one.tool}

    @app.get(
        "/tools", summary="The tools, for agents", operation_id="tools", responses=problems.documented(405)
    )
    async def tools() -> dict[str, Any]:
        return {"tools": definitions()}

    @app.get("/tools.json", summary="The tools as OpenAI's function calling wants them", operation_id="tools_json",
             responses=problems.documented(405))  # fmt: skip
    async def tools_json() -> dict[str, Any]:
        made = [{"type": "function", "function": one} for one in definitions()]
        return {
            "version": __version__, "generatedAt": iso(service.now()), "format": "openai-function-calling",
            "tools": made, "toolCount": len(made),
        }  # fmt: skip

    async def call(request: Request, tool: str) -> Response:
        action = by_name.get(tool)
        if action is None:
            return problems.answer(404, f"there is no tool {tool!r}", f"one of {', '.join(by_name)}")
        _check(request, action.scope)
        body = await request.body()
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if body and kind != "application/json":  # which no page elsewhere may send without asking
            return problems.answer(
                415, "parameters are JSON", "send them with `Content-Type: application/json`"
            )
        try:
            asked = action.request.model_validate_json(body or b"{}")
        except ValidationError as error:
            found = [
                problems.Wrong(where=".".join(str(part) for part in one["loc"]) or "body", why=one["msg"])
                for one in error.errors(include_input=False, include_url=False, include_context=False)
            ]
            return problems.answer(422, f"{tool} can't be called so", "/tools says its parameters", found)
        if action.long:
            done = await long.answer(calls, action, asked, request, action.kind)
        else:
            done = await calls.run(action.kind, action.run, asked)
        return done if isinstance(done, Response) else JSONResponse(done.model_dump())

    schema = {"schema": {"type": "object"}}
    app.add_api_route(
        "/tools/{tool}", call, methods=["POST"], summary="Call a tool; the body is its parameters", operation_id="tool_call",
        response_model=None, responses=problems.documented(404, 409, 415, 501, 504, *ALWAYS),
        openapi_extra={**SECURED, "requestBody": {"required": True, "content": {"application/json": schema}}},
    )  # fmt: skip


# --- the door -----------------------------------------------------------------------------------------------------


class Door:
    """Before all else: whose token it is, and a body that isn't too big."""

    def __init__(self, app: ASGIApp, tokens: Tokens | None) -> None:
        self._app, self._tokens = app, tokens

    async def __call__(self, scope: Asgi, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        request = Request(scope)
        # Here, and not in a thread: it is a small file, and threads may all be busy.
        if refusal := self._refusal(request):
            return await refusal(scope, receive, send)
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None  # nobody is there, and what was asked for isn't known
            body += message.get("body", b"")
            if len(body) > MOST_BODY:
                too_big = problems.answer(413, f"the body is too big: at most {MOST_BODY} bytes are taken")
                return await too_big(scope, receive, send)
            if message["type"] != "http.request" or not message.get("more_body"):
                break
        return await _to_its_end(self._app, scope, _replayed(bytes(body), receive), send)

    def _refusal(self, request: Request) -> Response | None:
        """Nothing, and then the request's state says what its token allows."""
        request.state.allowed = "destructive" if self._tokens is None else None
        if self._tokens is None and not _is_from_here(request):
            return problems.answer(
                403, "without tokens this is for programs on this computer, not for pages in a browser",
                "ask http://127.0.0.1, without an Origin; `mngr vm token create` makes a token",
            )  # fmt: skip
        if self._tokens is None or request.url.path in OPEN:
            return None
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        try:
            who = self._tokens.whose(given.strip()) if kind.lower() == "bearer" and given else None
        except MngrError as problem:
            return problems.of(problem)
        if who is None:
            return problems.answer(
                401, "a token is needed" if not given else "that token isn't known",
                "send `Authorization: Bearer TOKEN`; `mngr vm token create` makes one", headers={"WWW-Authenticate": "Bearer"},
            )  # fmt: skip
        request.state.who, request.state.allowed = who
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


def _check(request: Request, needed: Scope) -> None:
    """Asked where the route is known, as a path may be spelled in many ways. Raises Refused."""
    has = request.state.allowed
    if has is None or not scopes.allows(has, needed):
        raise problems.Refused(
            403, f"this takes a token of the scope {needed}, and yours has {has}",
            headers={"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{needed}"'},
        )  # fmt: skip


def _needs(needed: Scope) -> Any:
    async def check(request: Request) -> None:
        _check(request, needed)

    return Depends(check)


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


def _described(app: FastAPI) -> None:
    """OpenAPI, with the shape of errors and the token in it."""
    made = app.openapi

    def openapi() -> dict[str, Any]:
        schema = made()
        parts = schema.setdefault("components", {})
        problem = problems.Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        parts.setdefault("schemas", {}).update({**problem.pop("$defs", {}), "Problem": problem})
        parts["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        return schema

    app.openapi = openapi  # type: ignore[method-assign]
