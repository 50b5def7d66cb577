"""`?iamTags=` of a list: which resources it leaves. JSON, by the schema: `{"key": [{"operator": "EQ", "value": "v"}]}`.

A resource passes that fits each filter of each key [infer]. `%` and `_` are LIKE's wildcards, as in SQL.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from mngr.simcloud.ovh.words import bad

Fits = Callable[[str | None, str], bool]


def _like(pattern: str, flags: int = 0) -> re.Pattern[str]:
    wild = {"%": ".*", "_": "."}
    return re.compile("".join(wild.get(one) or re.escape(one) for one in pattern), flags)


OPERATORS: dict[str, Fits] = {
    "EQ": lambda found, value: found == value,
    "NEQ": lambda found, value: found != value,
    "EXISTS": lambda found, value: found is not None,
    "NEXISTS": lambda found, value: found is None,
    "LIKE": lambda found, value: found is not None and bool(_like(value).fullmatch(found)),
    "ILIKE": lambda found, value: found is not None and bool(_like(value, re.IGNORECASE).fullmatch(found)),
}
OF_FLAVOUR = {"eu": tuple(OPERATORS), "us": ("EQ",)}
VALUELESS = ("EXISTS", "NEXISTS")
TYPE = "map[string][]iam.resource.TagFilter"


def tag_filter(text: str | None, flavour: str) -> Callable[[Mapping[str, str]], bool]:
    """Says of a resource's tags whether they pass; all do where nothing is asked for. Raises 400 for what is no filter."""
    wanted = [] if text is None else _parse(text, OF_FLAVOUR[flavour])
    return lambda tags: all(OPERATORS[operator](tags.get(key), value) for key, operator, value in wanted)


def _parse(text: str, known: tuple[str, ...]) -> list[tuple[str, str, str]]:
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        raise _wrong(text) from None
    if not isinstance(given, dict) or not all(isinstance(rows, list) for rows in given.values()):
        raise _wrong(text)
    return [(key, *_one(row, known)) for key, rows in given.items() for row in rows]


def _one(row: Any, known: tuple[str, ...]) -> tuple[str, str]:
    if not isinstance(row, dict) or set(row) - {"operator", "value"}:
        raise _wrong(json.dumps(row))
    operator = row.get("operator") or "EQ"
    if operator not in known:
        raise bad(
            f"[iamTags.operator] Given data ({operator}) does not belong to the OperatorEnum enumeration"
        )
    value = row.get("value", "" if operator in VALUELESS else None)
    if not isinstance(value, str):
        raise _wrong(json.dumps(row))
    return operator, value


def _wrong(text: str) -> Exception:
    return bad(f"[iamTags] Given data ({text}) is not valid for type {TYPE}")
