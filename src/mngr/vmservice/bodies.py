"""What a request's body may be: one JSON object in UTF-8, that every reader reads alike. https://www.rfc-editor.org/rfc/rfc8259"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any, NoReturn

from fastapi.responses import Response

from mngr.vmservice import problems

MOST_BODY = 1024 * 1024
MOST_DEEP = 32

_HINT = "send one JSON object in UTF-8, with `Content-Type: application/json`"
_FLOAT = re.compile(rb"[0-9][.eE]")
_SURROGATE = re.compile("[\ud800-\udfff]")


def taken(headers: Mapping[str, str], body: bytes) -> bytes | Response:
    """The body as it is read, or why it isn't taken: 415 where it isn't said to be JSON, 400 where it is none, 422 where it is no
    object. A whole number may be written as 2.0, too: in JSON that is the same."""
    if not body:
        return body
    kind, _, more = headers.get("content-type", "").partition(";")
    charset = more.strip().lower().replace('"', "")
    if kind.strip().lower() != "application/json" or charset not in ("", "charset=utf-8"):
        return problems.answer(415, "a body that isn't said to be JSON isn't taken", _HINT)
    if headers.get("content-encoding", "identity").lower() != "identity":
        return problems.answer(415, "a packed body isn't taken", _HINT)
    try:
        read = _read(body)
    except ValueError as problem:
        return problems.answer(400, f"the body can't be read: {problem}", _HINT)
    if not isinstance(read, dict):
        return problems.answer(422, "the body is no JSON object", _HINT)
    return json.dumps(read).encode() if _FLOAT.search(body) else body


def _read(body: bytes) -> Any:
    """Raises ValueError, which repeats nothing of what was sent."""
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start} isn't UTF-8") from None
    if text.startswith("\ufeff"):
        raise ValueError("it begins with a byte order mark")
    try:
        read = json.loads(
            text, object_pairs_hook=_object, parse_constant=_constant, parse_float=_float, parse_int=_int
        )
    except json.JSONDecodeError as error:
        raise ValueError(f"no JSON from character {error.pos} on") from None
    except RecursionError:
        raise ValueError(f"it is nested more than {MOST_DEEP} deep") from None
    _check(read)
    return read


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("an object has a key twice")
    return made


def _constant(name: str) -> NoReturn:
    raise ValueError("NaN and Infinity are no JSON")


def _float(digits: str) -> float:  # or an int
    if not math.isfinite(value := float(digits)):
        raise ValueError("a number is beyond what a double can hold")
    return int(value) if value.is_integer() else value


def _int(digits: str) -> int:
    if len(digits) > 64:
        raise ValueError("a number has more than 64 digits")
    return int(digits)


def _check(read: Any) -> None:
    """How deep it is, and that its texts are Unicode: half of a surrogate pair can be written nowhere."""
    level = [read]
    for _ in range(MOST_DEEP + 1):
        if not level:
            return
        below: list[Any] = []
        for one in level:
            if isinstance(one, dict):
                below += [*one.keys(), *one.values()]
            elif isinstance(one, list):
                below += one
            elif isinstance(one, str) and _SURROGATE.search(one):
                raise ValueError("a text has half of a surrogate pair")
        level = below
    raise ValueError(f"it is nested more than {MOST_DEEP} deep")
