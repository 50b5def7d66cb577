"""ARM's words: every error is `{"error": {"code", "message", "target", "details"}}` (facts: "Protocol of the real ARM")."""

from __future__ import annotations

from typing import Any

from mngr.simcloud.call import ApiError, Words
from mngr.simcloud.http import Response

WORDS = Words(
    no_route="No HTTP resource was found that matches the request URI.",
    wrong_method="The requested resource does not support http method '{method}'; it has {methods}.",
    not_json="The request content was invalid and could not be deserialized: it is no JSON.",
    no_object="The request content was invalid and could not be deserialized: it is no JSON object.",
    missing="Required parameter '{name}' is missing (null).",
    wrong="The value of parameter {name} is invalid: {kind} is expected, not {value!r}.",
    kinds={"string": "a string", "strings": "a list of strings", "integer": "an integer"},
)
CODES = {
    400: "BadRequest",
    401: "AuthenticationFailed",
    403: "AuthorizationFailed",
    404: "ResourceNotFound",
    405: "MethodNotAllowed",
    409: "Conflict",
    412: "PreconditionFailed",
    429: "TooManyRequests",
}
"""Of errors that nobody gave a code."""


def refuse(status: int, code: str, message: str, **more: Any) -> ApiError:
    """`more`: `target`, `details`, `headers`."""
    headers = more.pop("headers", None)
    return ApiError(status, message, headers, code=code, **more)


def bad(message: str, target: str = "") -> ApiError:
    return refuse(400, "InvalidParameter", message, **({"target": target} if target else {}))


def not_found(type: str, name: str, group: str) -> ApiError:
    return refuse(
        404,
        "ResourceNotFound",
        f"The Resource '{type}/{name}' under resource group '{group}' was not found. For more details please go to "
        "https://aka.ms/ARMResourceNotFoundFix",
    )


def body(problem: ApiError) -> dict[str, Any]:
    """What an error has inside, in an answer and in a failed operation alike."""
    more = problem.more
    found = {
        "code": more.get("code") or CODES.get(problem.status, "InternalServerError"),
        "message": str(problem),
    }
    return found | {name: more[name] for name in ("target", "details") if name in more}


def error(problem: ApiError) -> Response:
    headers = {"x-ms-failure-cause": "gateway"} if problem.status in (401, 403) else {}
    return Response(problem.status, {"error": body(problem)}, headers)
