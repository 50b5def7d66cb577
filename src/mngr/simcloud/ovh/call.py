"""One API call as its handler sees it: path parts, query and body, read with OVH's complaints."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from mngr.simcloud.http import Request
from mngr.simcloud.ovh.credentials import Credential
from mngr.simcloud.ovh.errors import bad


@dataclass(frozen=True)
class Call:
    request: Request
    parts: dict[str, str]
    query: dict[str, str]
    body: dict[str, Any]
    credential: Credential | None

    def text(self, name: str, default: str = "") -> str:
        """A string out of the body."""
        value = self.body.get(name)
        if value is None:
            return default
        if not isinstance(value, str):
            raise _wrong(name, "string", value)
        return value

    def flag(self, name: str, default: bool = False) -> bool:
        value = self.body.get(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise _wrong(name, "boolean", value)
        return value

    def integer(self, name: str) -> int:
        value = self.body.get(name)
        if not isinstance(value, int) or isinstance(value, bool):
            raise _wrong(name, "long", value)
        return value

    def number(self, part: str) -> int:
        """A path part that is an id."""
        if not is_number(self.parts[part]):
            raise bad(f"Given data ({self.parts[part]}) is not valid for type long")
        return int(self.parts[part])

    def choice(self, name: str, allowed: Iterable[str], enum: str) -> str | None:
        """A query parameter that is one of an enumeration; None if it isn't given."""
        value = self.query.get(name)
        if value is not None and value not in allowed:
            raise bad(f"[{name}] Given data ({value}) does not belong to the {enum} enumeration")
        return value


def is_number(text: str) -> bool:
    """Whether that is a long, in plain digits."""
    return text.isascii() and text.isdigit() and len(text) < 19


def _wrong(name: str, kind: str, value: Any) -> Exception:
    return bad(f"[{name}] Given data ({value}) is not valid for type {kind}")


def read_body(request: Request, known: tuple[str, ...]) -> dict[str, Any]:
    """The JSON body; a field that the operation doesn't describe is refused. A name that ends in `*` is required."""
    try:
        body = request.json()
    except ValueError:
        raise bad("Invalid JSON received")
    if not isinstance(body, dict):
        raise bad("Invalid JSON received: expected an object")
    described = {name.rstrip("*") for name in known}
    _refuse_undescribed(set(body) - described, "creation handler")
    for name in known:
        if name.endswith("*") and body.get(name[:-1]) is None:
            raise bad(f"Missing parameter(s): {name[:-1]}")
    return body


def read_query(request: Request, known: tuple[str, ...]) -> dict[str, str]:
    """Query parameters, once each; one that the operation doesn't describe is refused. A `*` as in `read_body`."""
    _refuse_undescribed(set(request.query) - {name.rstrip("*") for name in known}, "listing handler")
    for name in known:
        if name.endswith("*") and not request.first(name[:-1]):
            raise bad(f"Missing parameter(s): {name[:-1]}")
    return {name: values[0] for name, values in request.query.items()}


def _refuse_undescribed(names: set[str], handler: str) -> None:
    """The words are those of a real answer (ovh/php-ovh issue 63)."""
    if names:
        raise bad(f"Received not described parameters: ({', '.join(sorted(names))}) while calling {handler}")
