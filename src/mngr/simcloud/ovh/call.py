"""One API call as OVH's handlers see it: nothing undescribed gets to them, and a field that is null isn't given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mngr.simcloud import call
from mngr.simcloud.call import is_number, missing
from mngr.simcloud.http import Request
from mngr.simcloud.ovh.credentials import Credential
from mngr.simcloud.ovh.words import WORDS, bad


@dataclass(frozen=True)
class Call(call.Call):
    query: Mapping[str, str]
    credential: Credential | None

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


def read_body(request: Request, known: tuple[str, ...]) -> dict[str, Any]:
    """The JSON body; a field that the operation doesn't describe is refused. A name that ends in `*` is required."""
    body = call.read_object(request, WORDS)
    given = {name: value for name, value in body.items() if value is not None}
    _hold_to(set(body), set(given), known, "creation handler")
    return given


def read_query(request: Request, known: tuple[str, ...]) -> dict[str, str]:
    """Query parameters, once each; as in `read_body`."""
    given = {name: values[0] for name, values in request.query.items()}
    _hold_to(set(given), {name for name, value in given.items() if value}, known, "listing handler")
    return given


def _hold_to(names: set[str], given: set[str], known: tuple[str, ...], handler: str) -> None:
    """The words are those of a real answer (ovh/php-ovh issue 63)."""
    if undescribed := names - {name.rstrip("*") for name in known}:
        words = f"({', '.join(sorted(undescribed))}) while calling {handler}"
        raise bad(f"Received not described parameters: {words}")
    for name in known:
        if name.endswith("*") and name[:-1] not in given:
            raise missing(WORDS, name[:-1])
