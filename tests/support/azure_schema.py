"""ARM's own contracts (swagger 2.0 with `$ref`s between files). Stricter than they are: an answer has nothing that isn't described."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

IS: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
}
NEWER = {"etag", "securityProfile", "defaultOutboundAccess", "timeCreated"}
"""In real answers of newer versions, and not in these files."""


class Mismatch(AssertionError):
    """Something isn't as the contract says; where, and what."""


@dataclass(frozen=True)
class Operation:
    file: Path
    method: str
    path: str
    raw: dict[str, Any]

    def fits(self, path: str) -> bool:
        return bool(_pattern(self.path).fullmatch(path))


def folder() -> Path:
    """Where the contracts are; the test skips where they aren't."""
    default = Path(__file__).parents[3] / "shared" / "contracts"
    path = Path(os.environ.get("MNGR_CONTRACTS", default)) / "azure" / "specification"
    if not path.exists():
        pytest.skip(f"no vendor contracts at {path.parents[1]} (MNGR_CONTRACTS)")
    return path


class Contract:
    def __init__(self, where: Path) -> None:
        self.operations = [
            operation for file in sorted(where.rglob("*.json")) for operation in _operations(file)
        ]

    def find(self, method: str, path: str) -> Operation | None:
        """The most specific of those that fit."""
        found = [one for one in self.operations if one.method == method and one.fits(path)]
        return max(found, key=lambda one: len(re.sub(r"{\w+}", "", one.path)), default=None)

    def check(self, method: str, path: str, body: Any, status: int, answer: Any) -> Operation:
        """Raises Mismatch for a body or an answer that isn't as described."""
        operation = self.find(method, path)
        if operation is None:
            raise Mismatch(f"{method} {path}: the contract has no such operation")
        where = f"{method} {operation.path}"
        if body is not None and status < 400:
            for parameter in operation.raw.get("parameters", ()):
                parameter, file = _followed(parameter, operation.file)
                if parameter.get("in") == "body":
                    _check(parameter["schema"], file, body, f"{where} (asked)", answer=False)
        responses = operation.raw["responses"]
        if str(status) not in responses and "default" not in responses and status < 400:
            raise Mismatch(f"{where}: {status} is no status of it")
        if status < 400 and str(status) not in responses:
            raise Mismatch(f"{where}: {status} is none of {', '.join(responses)}")
        said = responses.get(str(status), {})
        if "schema" in said and status < 300:
            _check(said["schema"], operation.file, answer, f"{where} {status}")
        return operation


def _operations(file: Path) -> Iterator[Operation]:
    if "examples" in file.parts:
        return
    raw = _read(file)
    for path, methods in {**raw.get("paths", {}), **raw.get("x-ms-paths", {})}.items():
        for method, operation in methods.items():
            if method != "parameters" and path != "/{resourceId}":
                yield Operation(file, method.upper(), path, operation)


@cache
def _read(file: Path) -> dict[str, Any]:
    return json.loads(file.read_text())


@cache
def _pattern(path: str) -> re.Pattern[str]:
    """`{scope}` has several parts."""
    wide = re.sub(r"{(scope|parentResourcePath)}", ".+", path.partition("?")[0].rstrip("/"))
    return re.compile(re.sub(r"{\w+}", "[^/]+", wide), re.IGNORECASE)


def _followed(schema: Any, file: Path) -> tuple[Any, Path]:
    while "$ref" in schema:
        name, _, pointer = schema["$ref"].partition("#")
        file = (file.parent / name).resolve() if name else file
        schema = _read(file)
        for part in pointer.strip("/").split("/"):
            schema = schema[part]
    return schema, file


def _properties(schema: Any, file: Path) -> Iterator[tuple[str, Any, Path, bool]]:
    """(name, schema, its file, whether it is required), those of `allOf` included."""
    schema, file = _followed(schema, file)
    for name, one in schema.get("properties", {}).items():
        yield name, one, file, name in schema.get("required", ())
    for part in schema.get("allOf", ()):
        yield from _properties(part, file)


def _check(schema: Any, file: Path, value: Any, where: str, *, answer: bool = True) -> None:
    schema, file = _followed(schema, file)
    if (
        set(schema) <= {"type", "description"} and schema.get("type") == "object"
    ):  # anything, a list of rows too
        return
    kind = schema.get("type") or ("object" if "properties" in schema or "allOf" in schema else None)
    if kind and (
        not isinstance(value, IS[kind]) or (kind in ("integer", "number") and isinstance(value, bool))
    ):
        raise Mismatch(f"{where}: {value!r} is no {kind}")
    choices = schema.get("enum")
    if choices and not schema.get("x-ms-enum", {}).get("modelAsString") and value not in choices:
        raise Mismatch(f"{where}: {value!r} is none of {choices}")
    if kind == "array":
        for number, item in enumerate(value):
            _check(schema["items"], file, item, f"{where}[{number}]", answer=answer)
    if kind == "object":
        _check_object(schema, file, value, where, answer)


def _check_object(schema: Any, file: Path, value: Any, where: str, answer: bool) -> None:
    known = {name: (one, at, required) for name, one, at, required in _properties(schema, file)}
    more = schema.get("additionalProperties")
    for name, (_, _, required) in known.items():
        if required and name not in value:
            raise Mismatch(f"{where}: it lacks {name}")
    for name, item in value.items():
        if name in known:
            if item is not None:
                _check(known[name][0], known[name][1], item, f"{where}.{name}", answer=answer)
        elif isinstance(more, dict) and more:
            _check(more, file, item, f"{where}.{name}", answer=answer)
        elif known and name not in NEWER:
            raise Mismatch(f"{where}: {name} isn't described")
