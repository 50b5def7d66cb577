"""Lists page by page: how many rows are asked for, and cursors that only the cloud can read."""

from __future__ import annotations

import base64
import binascii

from mngr.simcloud.call import ApiError, is_number


def page_size(given: str | None, default: int, largest: int, name: str) -> int:
    """Raises ApiError for what is no number from 1 to `largest`; `name` is the parameter's."""
    if not given:
        return default
    if not is_number(given) or not 1 <= int(given) <= largest:
        raise ApiError(400, f"{name} must be between 1 and {largest}")
    return int(given)


def cursor(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


def read_cursor(given: str, wrong: str) -> str:
    """The text of a cursor; "" if none is given. Raises ApiError, which says `wrong`."""
    try:
        return base64.b64decode(given.encode(), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise ApiError(400, wrong)
