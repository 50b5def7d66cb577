"""OVH's own schemas, in their two dialects: OpenAPI 3.0 and the `/1.0/*.json` of its console.

Stricter than either: an answer has every property that its model describes, and no other.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

TEXTS = {
    *("string", "text", "password", "uuid", "datetime", "date", "duration", "time"),
    *("ip", "ipBlock", "ipv4", "ipv6"),
}
IS: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "array": lambda value: isinstance(value, list),
    "null": lambda value: value is None,
    "object": lambda value: isinstance(value, dict),
}
UNDESCRIBED = {"allowedValues"}
"""In real answers, and in no schema (docs/clouds-as-they-are.md)."""


class Mismatch(AssertionError):
    """Something isn't as the schema says; where, and what."""


@dataclass(frozen=True)
class Operation:
    """`file` holds it; `body` and `answer` are types in that file's dialect, None where there is nothing. `query` and
    `fields` (of the body): name → whether it is required. `open`: needs no login."""

    file: str
    method: str
    path: str
    query: Mapping[str, bool]
    body: Any
    fields: Mapping[str, bool]
    answer: Any
    open: bool


class Contract:
    """The schemas of one flavour."""

    def __init__(self, folder: Path, flavour: str) -> None:
        self.files: dict[str, dict[str, Any]] = {}
        self.operations: list[Operation] = []
        us = "us/" if flavour == "us" else ""
        for name in (f"{us}vps", f"{us}me", f"{us}order", "auth", "iam"):
            data = self.files[name] = json.loads((folder / f"{name}.json").read_text())
            prefix = "/v2" if name == "iam" else ""
            self.operations += _openapi(name, prefix, data) if "openapi" in data else _console(name, data)
        self._patterns = [
            (re.compile(re.sub(r"{[^}]+}", "[^/]+", operation.path)), operation)
            for operation in sorted(self.operations, key=lambda one: one.path.count("{"))
        ]

    def find(self, method: str, path: str) -> Operation:
        path = path.partition("?")[0]
        for pattern, operation in self._patterns:
            if operation.method == method and pattern.fullmatch(path):
                return operation
        raise Mismatch(f"no {method} {path} in the contract")

    def check(self, method: str, path: str, body: Any, answer: Any) -> None:
        """Hold one call, request and answer, against its operation."""
        operation = self.find(method, path)
        query = set(parse_qs(path.partition("?")[2], keep_blank_values=True))
        for what, given, known in (
            ("query", query, operation.query),
            ("request", set(body or {}), operation.fields),
        ):
            _same_names(what, set(known), given, True)
            if missing := {name for name, required in known.items() if required} - given:
                raise Mismatch(f"{what}: {sorted(missing)} is required")
        if body is not None:
            self.value(operation.file, operation.body, body, "request", sent=True)
        self.value(operation.file, operation.answer, answer, "answer")

    def value(self, file: str, kind: Any, value: Any, where: str, *, sent: bool = False) -> None:
        if kind is None:
            if value is not None:
                raise Mismatch(f"{where}: nothing is described, and there is {value!r}")
        elif isinstance(kind, str):
            self._console_value(file, kind, value, where, sent)
        else:
            self._openapi_value(file, kind, value, where, sent)

    def _console_value(self, file: str, kind: str, value: Any, where: str, sent: bool) -> None:
        if kind.endswith("[]"):
            _expect(isinstance(value, list), where, kind, value)
            for index, item in enumerate(value):
                self._console_value(file, kind[:-2], item, f"{where}[{index}]", sent)
        elif kind.startswith("map[string]"):
            _expect(isinstance(value, dict), where, kind, value)
            for name, item in value.items():
                self._console_value(file, kind.removeprefix("map[string]"), item, f"{where}.{name}", sent)
        elif kind in TEXTS:
            _expect(isinstance(value, str), where, kind, value)
        elif kind in ("long", "int"):
            _expect(isinstance(value, int) and not isinstance(value, bool), where, kind, value)
        elif kind == "double":
            _expect(isinstance(value, (int, float)) and not isinstance(value, bool), where, kind, value)
        elif kind == "boolean":
            _expect(isinstance(value, bool), where, kind, value)
        else:
            self._model(file, kind, value, where, sent)

    def _model(self, file: str, kind: str, value: Any, where: str, sent: bool) -> None:
        model = self.files[file]["models"][kind]
        if "enum" in model:
            _expect(value in model["enum"], where, kind, value)
            return
        _expect(isinstance(value, dict), where, kind, value)
        _same_names(where, set(model["properties"]), set(value), sent)
        for name, item in value.items():
            described = model["properties"].get(name)
            if described and not (item is None and described.get("canBeNull")):
                inner = described.get("fullType") or described["type"]
                self._console_value(file, inner, item, f"{where}.{name}", sent)

    def _openapi_value(self, file: str, kind: dict[str, Any], value: Any, where: str, sent: bool) -> None:
        if kind.get("nullable") and IS["null"](value):
            return
        if "$ref" in kind:
            name = kind["$ref"].rpartition("/")[2]
            self._openapi_value(file, self.files[file]["components"]["schemas"][name], value, where, sent)
            return
        for part in kind.get("allOf", []):
            self._openapi_value(file, part, value, where, sent)
        if "enum" in kind:
            _expect(value in kind["enum"], where, kind["enum"], value)
        if "type" in kind:
            _expect(IS[kind["type"]](value), where, kind["type"], value)
        for index, item in enumerate(value if kind.get("type") == "array" else []):
            self._openapi_value(file, kind["items"], item, f"{where}[{index}]", sent)
        if "properties" in kind:
            _same_names(where, set(kind["properties"]), set(value), sent)
            for name, item in value.items():
                self._openapi_value(file, kind["properties"][name], item, f"{where}.{name}", sent)
        elif isinstance(kind.get("additionalProperties"), dict):
            for name, item in value.items():
                self._openapi_value(file, kind["additionalProperties"], item, f"{where}.{name}", sent)


def folder() -> Path:
    """Where the schemas are; the test skips where they aren't."""
    default = Path(__file__).parents[3] / "shared" / "contracts"
    path = Path(os.environ.get("MNGR_CONTRACTS", default)) / "ovh"
    if not path.exists():
        pytest.skip(f"no vendor contracts at {path.parent} (MNGR_CONTRACTS)")
    return path


def _expect(holds: bool, where: str, kind: Any, value: Any) -> None:
    if not holds:
        raise Mismatch(f"{where}: {value!r} is no {kind}")


def _same_names(where: str, described: set[str], given: set[str], sent: bool) -> None:
    if more := given - described - UNDESCRIBED:
        raise Mismatch(f"{where}: {sorted(more)} isn't described")
    if not sent and (missing := described - given):
        raise Mismatch(f"{where}: {sorted(missing)} is missing")


def _console(name: str, data: dict[str, Any]) -> list[Operation]:
    found = []
    for api in data["apis"]:
        for operation in api["operations"]:
            body = next((one for one in operation["parameters"] if one["paramType"] == "body"), None)
            kind = body and (body.get("fullType") or body["dataType"])
            answer = operation["responseType"]
            properties = data["models"].get(kind, {}).get("properties", {})
            found.append(
                Operation(
                    name,
                    operation["httpMethod"],
                    api["path"],
                    {
                        one["name"]: one["required"]
                        for one in operation["parameters"]
                        if one["paramType"] == "query"
                    },
                    kind,
                    {field: one["required"] for field, one in properties.items()},
                    None if answer == "void" else answer,
                    operation["noAuthentication"],
                )
            )
    return found


def _openapi(name: str, prefix: str, data: dict[str, Any]) -> list[Operation]:
    found = []
    for path, item in data["paths"].items():
        for method, operation in item.items():
            body = operation.get("requestBody")
            schema = body and body["content"]["application/json"]["schema"]
            whole = schema or {}
            while "$ref" in whole:
                whole = data["components"]["schemas"][whole["$ref"].rpartition("/")[2]]
            required = whole.get("required", [])
            answer = operation["responses"]["200"].get("content")
            found.append(
                Operation(
                    name,
                    method.upper(),
                    prefix + path,
                    {
                        one["name"]: one.get("required", False)
                        for one in operation.get("parameters", [])
                        if one["in"] == "query"
                    },
                    schema,
                    {field: field in required for field in whole.get("properties", {})},
                    answer and answer["application/json"]["schema"],
                    "security" not in operation,
                )
            )
    return found
