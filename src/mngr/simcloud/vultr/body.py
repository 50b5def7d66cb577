"""Reading a request's JSON body, with Vultr's complaints."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from mngr.simcloud.http import Request
from mngr.simcloud.vultr.errors import ApiError

LARGEST_USER_DATA = 64 * 1024


def read(request: Request) -> dict[str, Any]:
    try:
        body = request.json()
    except ValueError:
        raise ApiError(400, "Invalid JSON in request body.")
    if not isinstance(body, dict):
        raise ApiError(400, "The request body must be a JSON object.")
    return body


def text(body: dict[str, Any], name: str, *, required: bool = False) -> str:
    value = body.get(name, "")
    if not isinstance(value, str):
        raise ApiError(400, f"Invalid {name}: expected a string.")
    if required and not value:
        raise ApiError(400, f"{name} is required.")
    return value


def texts(body: dict[str, Any], name: str) -> tuple[str, ...]:
    value = body.get(name) or []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ApiError(400, f"Invalid {name}: expected a list of strings.")
    return tuple(value)


def number(body: dict[str, Any], name: str) -> int | None:
    value = body.get(name)
    if isinstance(value, str) and value.isdigit():
        return int(value)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
        raise ApiError(400, f"Invalid {name}: expected an integer.")
    return value


def user_data(body: dict[str, Any]) -> str:
    """Base64 as it came; it must decode."""
    value = text(body, "user_data")
    try:
        decoded = base64.b64decode(value, validate=True)
    except binascii.Error:
        raise ApiError(400, "Invalid user_data: must be base64 encoded.")
    if len(decoded) > LARGEST_USER_DATA:
        raise ApiError(400, "user_data is too large.")
    return value
