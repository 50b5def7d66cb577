"""Names and addresses that people type, checked at the door."""

import re
from collections.abc import Mapping
from typing import NamedTuple, TypeVar

from mngr.model.errors import InvalidInput

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}\Z")
T = TypeVar("T", str, str | None)
_LABEL_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./-]{0,62}\Z")


def check_name(name: str, what: str = "name") -> str:
    """`name` itself, if it is 1–63 letters, digits, `-`, `_`, starting with a letter or digit.

    Raises InvalidInput naming `what` otherwise.
    """
    if not _NAME.match(name):
        raise InvalidInput(
            f"{what} {name!r} can't be used",
            hint="use letters, digits, - and _, at most 63, starting with a letter or digit",
        )
    return name


def is_name(name: str) -> bool:
    return bool(_NAME.match(name))


class Address(NamedTuple):
    """`NAME[@HOST][.PROVIDER]`: an agent, optionally on a host, optionally of a provider instance.

    `@HOST` alone (empty name) addresses a host.
    """

    name: str
    host: str = ""
    provider: str = ""

    def __str__(self) -> str:
        return (
            self.name
            + (f"@{self.host}" if self.host else "")
            + (f".{self.provider}" if self.provider else "")
        )


def parse_address(text: str) -> Address:
    """Takes `NAME[@HOST][.PROVIDER]` apart. Raises InvalidInput if a part isn't a valid name."""
    rest, _, provider = text.partition(".")
    name, at, host = rest.partition("@")
    if name or not at:
        check_name(name or text, "agent name")
    if at:
        check_name(host, "host name")
    if "." in text:
        check_name(provider, "provider name")
    return Address(name, host, provider)


def is_text(text: str) -> bool:
    """Whether it can stand on a command line and in a file: no NUL, no bytes that aren't UTF-8."""
    return "\0" not in text and not any("\ud800" <= char <= "\udfff" for char in text)


def parse_label(text: str) -> tuple[str, str]:
    """`key=value`. Raises InvalidInput."""
    key, eq, value = text.partition("=")
    if not eq or not _LABEL_KEY.match(key) or len(value) > 256 or not value.isprintable():
        raise InvalidInput(f"label {text!r} can't be used", hint="write key=value, e.g. --label team=search")
    return key, value


def check_labels(labels: Mapping[str, T]) -> dict[str, T]:
    """`labels` itself, if each could be written as one. Raises InvalidInput."""
    for key, value in labels.items():
        if parse_label(f"{key}={value or ''}")[0] != key:
            raise InvalidInput(f"label {key!r} can't be used", hint="a label's key has no =")
    return dict(labels)
