"""One ARM call as its handler sees it: who calls, and a body that is read by paths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mngr.simcloud import call
from mngr.simcloud.azure import ids
from mngr.simcloud.azure.principals import Principal
from mngr.simcloud.azure.words import bad

MISSING: Any = object()


@dataclass(frozen=True)
class Call(call.Call):
    who: Principal

    @property
    def path(self) -> str:
        return self.request.path.rstrip("/")

    @property
    def id(self) -> ids.Id:
        return ids.parse(self.path)

    def host(self) -> str:
        """Where the caller thinks that it is talking to, for the URLs in an answer."""
        return f"{self.request.scheme}://{self.request.headers.get('host', 'localhost')}"

    def tags(self, default: Any = None) -> dict[str, str]:
        """Raises ApiError for tags that Azure doesn't take."""
        given = self.body.get("tags", default) or {}
        return checked_tags(given)

    def at(self, path: str, type: type = str, default: Any = None, *, of: Any = MISSING) -> Any:
        """The value at a dotted path of the body, names in any case; `default` if it isn't there. Raises ApiError."""
        return value_at(self.body if of is MISSING else of, path, type, default)


def value_at(data: Any, path: str, type: type = str, default: Any = None) -> Any:
    found = data
    for name in path.split("."):
        if not isinstance(found, dict):
            return default
        found = next((value for key, value in found.items() if key.lower() == name.lower()), None)
    if found is None:
        return default
    if not isinstance(found, type) or (isinstance(found, bool) and type is int):
        raise bad(
            f"The value of parameter {path.removeprefix('properties.')} is invalid.",
            path.removeprefix("properties."),
        )
    return found


def checked_tags(given: Any) -> dict[str, str]:
    """At most 50 of them; names of 512 characters and values of 256."""
    if not isinstance(given, dict) or not all(isinstance(value, str) for value in given.values()):
        raise bad("The tags must be an object of strings.", "tags")
    if len(given) > 50:
        raise _tags(
            "TooManyTags",
            f"The number of tags on the resource exceeds the maximum number of '50': it is '{len(given)}'.",
        )
    lower = [name.lower() for name in given]
    if len(set(lower)) < len(lower):
        raise _tags("DuplicateTagName", "The tag names must be unique, whatever their case.")
    for name, value in given.items():
        if not name or len(name) > 512 or any(char in "<>%&\\?/" for char in name):
            raise _tags(
                "InvalidTagNameCharacters" if name and len(name) <= 512 else "InvalidTagName",
                f"The tag name '{name[:60]}' is empty, longer than 512 characters, or has one of <>%&\\?/ in it.",
            )
        if len(value) > 256:
            raise _tags(
                "InvalidTagValueLength",
                f"The tag value for '{name}' exceeds the maximum length of '256' characters.",
            )
    return dict(given)


def _tags(code: str, message: str) -> call.ApiError:
    return call.ApiError(400, message, code=code)
