"""Vultr's lists: `per_page`, an opaque `cursor`, and `meta.links.next` (schema `meta`)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any

from mngr.simcloud.http import Request
from mngr.simcloud.vultr.errors import ApiError

DEFAULT_PER_PAGE, LARGEST_PER_PAGE = 100, 500


def page(request: Request, key: str, items: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One page of a list. A cursor names the first item of its page, so it outlives changes before it."""
    size = _per_page(request)
    start = _start(request, items)
    shown = items[start : start + size]
    following = items[start + size] if start + size < len(items) else None
    before = items[max(0, start - size)] if start else None
    links = {"next": _cursor("next", following), "prev": _cursor("prev", before)}
    return {key: list(shown), "meta": {"total": len(items), "links": links}}


def _per_page(request: Request) -> int:
    try:
        size = int(request.first("per_page") or DEFAULT_PER_PAGE)
    except ValueError:
        raise ApiError(400, "Invalid per_page value.")
    if not 1 <= size <= LARGEST_PER_PAGE:
        raise ApiError(400, f"per_page must be between 1 and {LARGEST_PER_PAGE}.")
    return size


def _start(request: Request, items: Sequence[dict[str, Any]]) -> int:
    cursor = request.first("cursor")
    if not cursor:
        return 0
    try:
        _, _, wanted = base64.b64decode(cursor, validate=True).decode().partition("__")
    except (binascii.Error, UnicodeDecodeError):
        raise ApiError(400, "Invalid cursor.")
    for index, item in enumerate(items):
        if str(item["id"]) == wanted:
            return index
    raise ApiError(400, "Invalid cursor.")


def _cursor(side: str, item: dict[str, Any] | None) -> str:
    return base64.b64encode(f"{side}__{item['id']}".encode()).decode() if item else ""
