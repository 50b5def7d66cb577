"""Errors as answers, all in one shape: application/problem+json. https://www.rfc-editor.org/rfc/rfc9457"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.routing import Match

from mngr.model.errors import Conflict, InvalidInput, MngrError, NotFound, NotSupported, TimedOut, Unreachable
from mngr.vms import library
from mngr.vmservice import scopes

if TYPE_CHECKING:  # which `mngr mcp` does without
    from fastapi import FastAPI, Request
    from fastapi.exceptions import RequestValidationError

#: Of a 503: so long a client may wait before it asks again.
RETRY_AFTER_S = 5
#: An answer doesn't grow with what was sent: so many errors are told, and so many characters of a text.
MOST_WRONG, MOST_SHOWN = 20, 200
MEDIA_TYPE = "application/problem+json"

#: The first that fits counts.
STATUS: Sequence[tuple[type[MngrError], int]] = (
    (InvalidInput, 422),
    (NotFound, 404),
    (Conflict, 409),
    (TimedOut, 504),
    (Unreachable, 503),
    (NotSupported, 501),
)


class Wrong(BaseModel):
    """One value of a request that can't be used: where it stands, and why. What was sent isn't repeated: it may be secret."""

    model_config = ConfigDict(extra="forbid")
    where: str
    why: str


class Problem(BaseModel):
    """`detail`: what happened, to what. `hint`: what to do next. `type` is urn:mngr:no-such-vm where libvirt says that there is
    no such VM."""

    model_config = ConfigDict(extra="forbid")
    type: str = "about:blank"
    title: str
    status: int
    detail: str
    hint: str | None = None
    errors: list[Wrong] | None = None


def answer(
    status: int,
    detail: str,
    hint: str | None = None,
    errors: list[Wrong] | None = None,
    headers: Mapping[str, str] | None = None,
    kind: str = "about:blank",
) -> JSONResponse:
    if status == 503:
        headers = {"Retry-After": str(RETRY_AFTER_S), **(headers or {})}
    told = (
        problem(status, detail, hint, errors).model_copy(update={"type": kind}).model_dump(exclude_none=True)
    )
    return JSONResponse(told, status, media_type=MEDIA_TYPE, headers=dict(headers or {}))


def problem(status: int, detail: str, hint: str | None = None, errors: list[Wrong] | None = None) -> Problem:
    return Problem(title=HTTPStatus(status).phrase, status=status, detail=detail, hint=hint, errors=errors)


def with_details(told: Problem, error: BaseException) -> Problem:
    """The same with what an error says beside: the end of a log, a screen."""
    lines = getattr(error, "details", "").strip().splitlines()[-20:]
    return told.model_copy(update={"detail": "\n".join([told.detail, *lines])})


def status_of(error: MngrError) -> int:
    return next((status for kind, status in STATUS if isinstance(error, kind)), 500)


def of(error: MngrError) -> JSONResponse:
    kind = library.NO_VM if isinstance(error, library.NoVm) else "about:blank"
    return answer(status_of(error), error.message, error.hint or None, kind=kind)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For `responses=` of a route: these statuses, in this shape."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}


def wrongs(error: RequestValidationError | ValidationError) -> list[Wrong]:
    return [
        Wrong(
            where=".".join(str(part) for part in one["loc"])[:MOST_SHOWN] or "body",
            why=str(one["msg"])[:MOST_SHOWN],
        )
        for one in error.errors()[:MOST_WRONG]
    ]


def _methods(app: FastAPI, request: Request) -> str:
    """What may be done with a path: of all its routes, not of the first one."""
    fit = [route for route in app.router.routes if route.matches(request.scope)[0] is not Match.NONE]
    found = {method for route in fit for method in getattr(route, "methods", None) or ()}
    return ", ".join(sorted(found | ({"HEAD"} if "GET" in found else set())))


class Refused(Exception):
    """Ends a request with such an answer."""

    def __init__(
        self, status: int, detail: str, headers: Mapping[str, str] | None = None, hint: str | None = None
    ) -> None:
        super().__init__(detail)
        self.answer = answer(status, detail, hint, headers=headers)


def check_scope(has: scopes.Scope | None, needs: scopes.Scope) -> None:
    """Raises Refused where a token's scope doesn't allow what needs that one."""
    if has is None or not scopes.allows(has, needs):
        raise Refused(
            403, f"this takes a token of the scope {needs}, and yours has {has}",
            {"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{needs}"'},
            hint="whoever runs the service makes one: `mngr vm token create NAME --scope " + needs + "`",
        )  # fmt: skip


def handle(app: FastAPI) -> None:
    """Has the app answer all its errors so."""
    from fastapi.exceptions import RequestValidationError

    @app.exception_handler(MngrError)
    async def _ours(request: Request, error: MngrError) -> JSONResponse:
        return of(error)

    @app.exception_handler(Refused)
    async def _refused(request: Request, error: Refused) -> JSONResponse:
        return error.answer

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        return answer(422, "the request can't be used as it is", "each of `errors` says why", wrongs(error))

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> JSONResponse:
        path = request.url.path[:200]
        details = {
            404: f"there is nothing at {path}",
            405: f"{request.method[:20]} isn't for {path}",
        }
        detail = details.get(error.status_code, str(error.detail))
        headers = {"Allow": _methods(app, request)} if error.status_code == 405 else error.headers
        return answer(error.status_code, detail, "/openapi.json says what there is", headers=headers)

    @app.exception_handler(Exception)
    async def _bug(request: Request, error: Exception) -> JSONResponse:
        return answer(500, "a bug in the service; its log has more")
