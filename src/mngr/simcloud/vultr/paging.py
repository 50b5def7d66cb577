"""Vultr's lists: `per_page`, an opaque `cursor`, and `meta.links.next` (schema `meta`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mngr.simcloud.call import Call
from mngr.simcloud.paging import cursor, page_size, read_cursor
from mngr.simcloud.vultr.words import bad

DEFAULT_PER_PAGE, LARGEST_PER_PAGE = 100, 500
WRONG = "Invalid cursor."


def page(call: Call, key: str, items: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One page of a list. A cursor names the first item of its page, so it outlives changes before it."""
    size = page_size(call.request.first("per_page"), DEFAULT_PER_PAGE, LARGEST_PER_PAGE, "per_page")
    start = _start(call, items)
    shown = items[start : start + size]
    following = items[start + size] if start + size < len(items) else None
    before = items[max(0, start - size)] if start else None
    links = {"next": _cursor("next", following), "prev": _cursor("prev", before)}
    return {key: list(shown), "meta": {"total": len(items), "links": links}}


def _start(call: Call, items: Sequence[dict[str, Any]]) -> int:
    given = call.request.first("cursor")
    if not given:
        return 0
    _, _, wanted = read_cursor(given, WRONG).partition("__")
    for index, item in enumerate(items):
        if str(item["id"]) == wanted:
            return index
    raise bad(WRONG)


def _cursor(side: str, item: dict[str, Any] | None) -> str:
    return cursor(f"{side}__{item['id']}") if item else ""
