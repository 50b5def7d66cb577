"""OVH's words (docs/clouds-as-they-are.md, "OVH: calls"): errors by class, or by error code where a login is at fault."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from mngr.simcloud.call import ApiError, Words
from mngr.simcloud.http import Response

WORDS = Words(
    no_route="Got an invalid (or empty) URL",
    wrong_method="Method {method} is not allowed: {methods} are",
    not_json="Invalid JSON received",
    no_object="Invalid JSON received: expected an object",
    missing="Missing parameter(s): {name}",
    wrong="[{name}] Given data ({value}) is not valid for type {kind}",
    kinds={"integer": "long"},
)
CLASSES = {
    400: "Client::BadRequest",
    401: "Client::Unauthorized",
    403: "Client::Forbidden",
    404: "Client::NotFound",
    405: "Client::MethodNotAllowed",
    409: "Client::Conflict",
    429: "Client::TooManyRequests",
    460: "Client::ResourceExpired",
}
NOT_FOUND = "The requested object does not exist"


def error(problem: ApiError) -> Response:
    """An answer that the SDK turns into an exception by its status and, for 403, by its `errorCode`: `code` of the problem,
    which may have `details`, too."""
    status = problem.status
    body: dict[str, Any] = {"message": str(problem)}
    if code := problem.more.get("code"):
        body |= {"errorCode": code, "httpCode": f"{status} {HTTPStatus(status).phrase}"}
    else:
        body["class"] = CLASSES.get(status, "Server::InternalServerError")
    if (details := problem.more.get("details")) is not None:
        body["details"] = details
    return Response(status, body)


def bad(message: str) -> ApiError:
    return ApiError(400, message)


def invalid_url() -> ApiError:
    """There is no such call, or not on this side of the Atlantic."""
    return ApiError(404, WORDS.no_route)


def not_found(message: str = NOT_FOUND) -> ApiError:
    return ApiError(404, message)
