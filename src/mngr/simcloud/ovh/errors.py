"""Errors in OVH's words (facts/ovh.md, "Errors"): by class, or by error code where a login is at fault."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from mngr.simcloud.http import Response

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


class ApiError(Exception):
    """Raised anywhere in a call; the call then answers it."""

    def __init__(
        self, status: int, message: str, *, code: str = "", details: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.details = details

    def response(self) -> Response:
        return error(self.status, str(self), code=self.code, details=self.details)


def error(status: int, message: str, *, code: str = "", details: dict[str, str] | None = None) -> Response:
    """An answer that the SDK turns into an exception by its status and, for 403, by its `errorCode`."""
    body: dict[str, Any] = {"message": message}
    if code:
        body |= {"errorCode": code, "httpCode": f"{status} {HTTPStatus(status).phrase}"}
    else:
        body["class"] = CLASSES.get(status, "Server::InternalServerError")
    if details is not None:
        body["details"] = details
    return Response(status, body)


def bad(message: str) -> ApiError:
    return ApiError(400, message)


def invalid_url() -> ApiError:
    """There is no such call, or not on this side of the Atlantic."""
    return ApiError(404, "Got an invalid (or empty) URL")


def not_found(message: str = "The requested object does not exist") -> ApiError:
    return ApiError(404, message)
