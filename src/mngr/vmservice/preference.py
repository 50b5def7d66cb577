"""What a caller prefers. https://www.rfc-editor.org/rfc/rfc7240"""

from __future__ import annotations

import re
from collections.abc import Iterable

from starlette.requests import Request

#: As an operation's `wait`: longer no answer is held back for its sake.
MOST_WAIT_S = 60
RESPOND_ASYNC = "respond-async"

_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"')


def respond_async(request: Request) -> int | None:
    """None without `Prefer: respond-async`; else how many seconds an answer may take before it is an operation's (`wait=S`)."""
    asked = dict(_preferences(request.headers.getlist("prefer")))
    if RESPOND_ASYNC not in asked:
        return None
    wait = asked.get("wait", "")
    return min(int(wait[:9]), MOST_WAIT_S) if wait.isascii() and wait.isdigit() else 0


def _bare(text: re.Match[str]) -> str:
    """A word in quotes is the same without; other texts mean nothing here, and may have anything in them."""
    return text[0][1:-1] if text[0][1:-1].isalnum() else ""


def _preferences(lines: Iterable[str]) -> Iterable[tuple[str, str]]:
    """Name in lower case, value. Of two of a name the first counts, so it comes last here."""
    found = []
    for one in _TEXT.sub(_bare, ",".join(lines)).split(","):
        name, _, value = one.partition(";")[0].partition("=")
        found.append((name.strip().lower(), value.strip()))
    return reversed(found)
