"""The HTTP application: routes made of ACTIONS, and what each takes."""

from __future__ import annotations

import inspect
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import msgspec
from fastapi import Depends, FastAPI, Query, Request
from fastapi import Path as InPath
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, create_model
from pydantic.fields import FieldInfo
from starlette.concurrency import run_in_threadpool
from starlette.routing import Route

from mngr import __version__
from mngr.model.clock import iso
from mngr.model.errors import MngrError, Unreachable
from mngr.vmservice import audit, examples, long, mcp_http, problems, taking_up, toolbox
from mngr.vmservice.access import Tokens
from mngr.vmservice.actions import ACTIONS, Action
from mngr.vmservice.audit import CURRENT
from mngr.vmservice.calls import Calls
from mngr.vmservice.door import Door
from mngr.vmservice.metrics import PATH, Metrics
from mngr.vmservice.service import Service

#: Any call may end so. 501: libvirt or QEMU, as they are here, can't do that.
ALWAYS = (400, 401, 403, 405, 408, 413, 415, 422, 429, 500, 501, 503)

_IN_PATH = re.compile(r"\{(\w+)\}")


def make(service: Service, tokens: Tokens | None) -> FastAPI:
    """`tokens`: None lets everybody do everything, for loopback only."""

    calls = Calls(service)
    mcp = mcp_http.Mcp(calls, service)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await run_in_threadpool(service.begin)
        long_ones = {action.name: action for action in ACTIONS if action.long}
        for live in await run_in_threadpool(taking_up.left, service, long_ones):
            calls.go_on(live, taking_up.going_on(live))
        yield
        await mcp.close()
        await run_in_threadpool(service.close)

    app = FastAPI(
        title="mngr VM provisioning service", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None, redirect_slashes=False,
        description="Virtual machines on libvirt, and SSH keys for them. Errors are application/problem+json (RFC 9457).",
    )  # fmt: skip
    problems.handle(app)
    for action in ACTIONS:
        _route(app, calls, action)
    _tools(app, service, calls)
    app.router.routes.append(Route(mcp_http.PATH, mcp, methods=["POST"]))
    _health(app, calls)
    metrics = Metrics(service)
    _metrics(app, calls, metrics, service.settings.open_metrics)
    app.add_middleware(Door, tokens=tokens, service=service, metrics=metrics)
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

    given.append(inspect.Parameter("request", KEYWORD, annotation=Request))

    async def endpoint(**sent: Any) -> Any:
        request = sent.pop("request")
        more = sent.pop("body", None)
        asked = action.request(**sent, **(more.model_dump(exclude_unset=True) if more is not None else {}))
        return _sent(await _done(calls, action, asked, request))

    endpoint.__signature__ = inspect.Signature(given)  # type: ignore[attr-defined]
    endpoint.__name__ = action.name
    plain = action.answer is str
    app.add_api_route(
        action.path, endpoint, methods=[action.method], summary=action.about, operation_id=action.name,
        response_model=None if plain else action.answer, response_class=PlainTextResponse if plain else JSONResponse,
        responses={**(long.RESPONSES if action.long else {}), **problems.documented(*sorted({*ALWAYS, *action.fails}))},
        openapi_extra={**SECURED, **({"parameters": [long.PREFER]} if action.long else {})},
        dependencies=[_needs(action), Depends(_known)],
    )  # fmt: skip


async def _done(calls: Calls, action: Action, asked: Any, request: Request) -> Any:
    """The answer of a call; a change is in the audit log before it is made. Raises what the call does."""
    entry = CURRENT.get()
    if entry:
        entry.target = audit.target(asked)
        if action.scope != "read":
            await run_in_threadpool(calls.audit.begin, entry)
    if action.long:
        return await long.answer(calls, action, asked, request, action.kind)
    return await calls.run(action.kind, action.run, asked)


def _sent(done: Any) -> Any:
    """An answer as JSON. Its shape isn't checked once more, as FastAPI would, which takes most of the time of a long list."""
    if isinstance(done, msgspec.Struct):
        return Response(msgspec.json.encode(done), media_type="application/json")
    if isinstance(done, BaseModel):
        return Response(done.model_dump_json(), media_type="application/json")
    return done


KEYWORD = inspect.Parameter.KEYWORD_ONLY
SECURED = {"security": [{"token": []}]}


def _in_path(action: Action, name: str) -> Any:
    annotation, field = action.request.model_fields[name].annotation, action.request.model_fields[name]
    pattern = next(one.pattern for one in field.metadata if getattr(one, "pattern", None))
    return Annotated[annotation, InPath(pattern=pattern, description=field.description)]


def _in_query(name: str, field: FieldInfo) -> inspect.Parameter:
    asked = Query(description=field.description)
    digits = [BeforeValidator(_digits)] if field.annotation is int else []
    annotation = Annotated[(field.annotation, *field.metadata, *digits, asked)]  # type: ignore[valid-type]
    return inspect.Parameter(name, KEYWORD, annotation=annotation, default=field.default)


def _digits(value: object) -> object:
    """A number of a query as JSON has them: pydantic takes `1_0`, ` 5`, `010` and `+5`, too. Raises ValueError."""
    if isinstance(value, str) and not re.fullmatch("0|[1-9][0-9]{0,9}", value):
        raise ValueError("a number is digits")
    return value


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


def _metrics(app: FastAPI, calls: Calls, metrics: Metrics, is_open: bool) -> None:
    @app.get(PATH, response_class=PlainTextResponse, summary="VMs, calls and operations, for Prometheus", operation_id="metrics",
             responses=problems.documented(*ALWAYS), openapi_extra={} if is_open else SECURED)  # fmt: skip
    async def text(request: Request) -> Response:
        if entry := CURRENT.get():
            entry.action = "metrics"
        if not is_open and request.state.allowed is None:  # every token may read
            raise problems.Refused(403, "this takes a token of the scope read")
        body, kind = await calls.run("read", lambda service, _: metrics.text())
        return Response(body, media_type=kind)


# --- tools --------------------------------------------------------------------------------------------------------


def _tools(app: FastAPI, service: Service, calls: Calls) -> None:
    @app.get(
        "/tools", summary="The tools, for agents", operation_id="tools", responses=problems.documented(405)
    )
    async def tools() -> dict[str, Any]:
        return {"tools": toolbox.openai()}

    @app.get("/tools.json", summary="The tools as OpenAI's function calling wants them", operation_id="tools_json",
             responses=problems.documented(405))  # fmt: skip
    async def tools_json() -> dict[str, Any]:
        made = [{"type": "function", "function": one} for one in toolbox.openai()]
        return {
            "version": __version__, "generatedAt": iso(service.now()), "format": "openai-function-calling",
            "tools": made, "toolCount": len(made),
        }  # fmt: skip

    async def call(request: Request, tool: str) -> Response:
        action = toolbox.BY_NAME.get(tool)
        if action is None:
            return problems.answer(404, f"there is no tool {tool!r}", f"one of {', '.join(toolbox.BY_NAME)}")
        _check(request, action)
        if request.query_params:
            raise problems.Refused(422, "a tool's parameters are in the body, not in the query")
        body = await request.body()
        try:
            asked = action.request.model_validate_json(body or b"{}")
        except ValidationError as error:
            return problems.answer(
                422, f"{tool} can't be called so", "/tools says its parameters", problems.wrongs(error)
            )
        return _sent(await _done(calls, action, asked, request))

    schema = {"schema": {"type": "object"}}
    app.add_api_route(
        "/tools/{tool}", call, methods=["POST"], summary="Call a tool; the body is its parameters", operation_id="tool_call",
        response_model=None, responses=problems.documented(404, 409, 504, *ALWAYS),
        openapi_extra={**SECURED, "requestBody": {"required": True, "content": {"application/json": schema}}},
    )  # fmt: skip


# --- what a request may be ----------------------------------------------------------------------------------------


def _check(request: Request, action: Action) -> None:
    """Asked where the route is known, as a path may be spelled in many ways. Raises Refused."""
    if entry := CURRENT.get():
        entry.action = action.name
    problems.check_scope(request.state.allowed, action.scope)


async def _known(request: Request) -> None:
    """Nothing that was asked for goes unheard: parameters are known ones, each once, and a body is there where one is taken.
    Raises Refused."""
    route: APIRoute = request.scope["route"]
    known = {one.alias for one in route.dependant.query_params}
    given = [key for key, _ in request.query_params.multi_items()]
    if wrong := [key for key in given if key not in known or given.count(key) > 1]:
        raise problems.Refused(422, f"the query has {wrong[0][:80]!r}, which isn't taken here, or twice")
    if not route.body_field and await request.body() not in (b"", b"{}"):
        raise problems.Refused(422, f"{request.method} {request.url.path} takes no body")


def _needs(action: Action) -> Any:
    async def check(request: Request) -> None:
        _check(request, action)

    return Depends(check)


def _described(app: FastAPI) -> None:
    """OpenAPI, with the shape of errors and the token in it."""
    made = app.openapi

    def openapi() -> dict[str, Any]:
        schema = made()
        for action in ACTIONS:
            examples.put(schema["paths"][action.path][action.method.lower()], action.request, action.answer)
        parts = schema.setdefault("components", {})
        problem = problems.Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        parts.setdefault("schemas", {}).update({**problem.pop("$defs", {}), "Problem": problem})
        # One of the two is needed, which its fields alone don't say.
        some = [
            {"required": [key], "properties": {key: {"type": "string"}}} for key in ("imageUrl", "template")
        ]
        parts["schemas"]["VmCreate"]["anyOf"] = some
        forwards = ({"network": {"const": "user"}}, {"forwards": {"maxItems": 0}})
        parts["schemas"]["MachineCreate"]["anyOf"] = [
            {"required": ["imageUrl", *one], "properties": {"imageUrl": {"type": "string"}, **one}}
            for one in forwards
        ]
        parts["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        return schema

    app.openapi = openapi  # type: ignore[method-assign]
