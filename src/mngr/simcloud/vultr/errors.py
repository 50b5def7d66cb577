"""Errors in Vultr's words: `{"error": "…", "status": N}` (vultr/terraform-provider-vultr#377)."""

from __future__ import annotations

from mngr.simcloud.http import Response


class ApiError(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status

    def response(self) -> Response:
        return error(self.status, str(self))


def error(status: int, message: str) -> Response:
    return Response(status, {"error": message, "status": status})
