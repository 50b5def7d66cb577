"""One API call as its handler sees it: path parts and JSON body, read with the vendor's own complaints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mngr.simcloud.http import Request


class ApiError(Exception):
    """Raised anywhere in a call, which then answers it; `more` is what a vendor's errors have beside status and message."""

    def __init__(
        self, status: int, message: str, headers: Mapping[str, str] | None = None, **more: Any
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})
        self.more = more


@dataclass(frozen=True)
class Words:
    """A vendor's complaints. Names in braces are filled in: each field says which it may have."""

    no_route: str
    wrong_method: str
    """{method}, and {methods} that there are."""
    not_json: str
    no_object: str
    missing: str
    """{name}."""
    wrong: str
    """{name}, {value}, and the {kind} that it should be."""
    kinds: Mapping[str, str]
    """How it calls `string`, `strings`, `boolean` and `integer`."""


@dataclass(frozen=True)
class Call:
    request: Request
    parts: Mapping[str, str]
    """What the path has in its route's `{names}`, decoded."""
    body: Mapping[str, Any]
    words: Words

    @property
    def as_of(self) -> float | None:
        """The moment that a read is to show, if a fault wants it to be another than now."""
        return self.request.as_of

    def text(self, name: str, default: str = "", *, required: bool = False) -> str:
        """A string out of the body; a required one isn't empty."""
        value = self.body.get(name, default)
        if not isinstance(value, str):
            raise self.wrong(name, "string")
        if required and not value:
            raise missing(self.words, name)
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        value = self.body.get(name) or []
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.wrong(name, "strings")
        return tuple(value)

    def flag(self, name: str, default: bool = False) -> bool:
        value = self.body.get(name, default)
        if not isinstance(value, bool):
            raise self.wrong(name, "boolean")
        return value

    def integer(self, name: str) -> int:
        value = self.body.get(name)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.wrong(name, "integer")
        return value

    def wrong(self, name: str, kind: str) -> ApiError:
        said = {"name": name, "kind": self.words.kinds.get(kind, kind), "value": self.body.get(name)}
        return ApiError(400, self.words.wrong.format(**said))


def read_object(request: Request, words: Words) -> dict[str, Any]:
    """The request's JSON object; {} without a body."""
    try:
        body = request.json()
    except ValueError:
        raise ApiError(400, words.not_json)
    if not isinstance(body, dict):
        raise ApiError(400, words.no_object)
    return body


def missing(words: Words, name: str) -> ApiError:
    return ApiError(400, words.missing.format(name=name))


def is_number(text: str) -> bool:
    """Whether that is a 64-bit integer, in plain digits."""
    return text.isascii() and text.isdigit() and len(text) < 19


def is_public_key(text: str) -> bool:
    """Whether that is one line as in an authorized_keys file."""
    kind, _, rest = text.strip().partition(" ")
    return kind.startswith(("ssh-", "ecdsa-", "sk-")) and bool(rest) and "\n" not in rest
