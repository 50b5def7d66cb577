"""As much of Go's templates as people write after `docker … --format`: fields, `index`, `json`, `range`, `if`."""

from __future__ import annotations

from lazy import json, re

TYPE_CHECKING = False  # typing takes longer to import than most of these commands run
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

_WORD = r'"(?:[^"\\]|\\.)*"|`[^`]*`|\(|\)|[^\s()]+'


class TemplateError(Exception):
    """The template can't be read."""


def render(template: str, data: Any) -> str:
    """`template` with `data` as its dot."""
    return "".join(_block(_tokens(template), {"": data}, ends=()))


def _tokens(template: str) -> Iterator[tuple[str, str]]:
    at = 0
    while (begin := template.find("{{", at)) >= 0 and (end := template.find("}}", begin)) >= 0:
        yield "text", template[at:begin].replace("\\n", "\n").replace("\\t", "\t")
        yield "code", template[begin + 2 : end].removeprefix("-").removesuffix("-").strip()
        at = end + 2
    yield "text", template[at:].replace("\\n", "\n").replace("\\t", "\t")


def _block(tokens: Iterator[tuple[str, str]], names: dict[str, Any], ends: tuple[str, ...]) -> list[str]:
    out: list[str] = []
    for kind, text in tokens:
        if kind == "text":
            out.append(text)
            continue
        first, _, rest = text.partition(" ")
        if first in ends:
            return out
        if first in ("range", "if", "with"):
            body = _collect(tokens)
            out += _branch(first, rest, body, names)
        else:
            out.append(_shown(_value(text, names)))
    return out


def _collect(tokens: Iterator[tuple[str, str]]) -> list[tuple[str, str]]:
    """What stands before the matching `end`."""
    depth, body = 0, []
    for token in tokens:
        word = token[1].partition(" ")[0] if token[0] == "code" else ""
        depth += word in ("range", "if", "with")
        if word == "end":
            if depth == 0:
                return body
            depth -= 1
        body.append(token)
    raise TemplateError("unexpected EOF")


def _branch(word: str, rest: str, body: list[tuple[str, str]], names: dict[str, Any]) -> list[str]:
    yes, no = _halves(body)
    if word == "range":
        variables, _, source = rest.rpartition(":=")
        found = _value(source.strip(), names)
        pairs = list(found.items() if isinstance(found, dict) else enumerate(found or []))
        loops = [name.strip().lstrip("$") for name in variables.split(",") if name.strip()]
        out: list[str] = []
        for key, value in pairs:
            own = dict(zip(loops, (key, value) if len(loops) == 2 else (value,), strict=False))
            out += _block(iter(yes), {**names, **own, "": value}, ())
        return out if pairs else _block(iter(no), names, ())
    value = _value(rest, names)
    inner = {**names, "": value} if word == "with" else names
    return _block(iter(yes if value else no), inner, ())


def _halves(body: list[tuple[str, str]]) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    depth = 0
    for i, (kind, text) in enumerate(body):
        word = text.partition(" ")[0] if kind == "code" else ""
        depth += (word in ("range", "if", "with")) - (word == "end")
        if word == "else" and depth == 0:
            return body[:i], body[i + 1 :]
    return body, []


def _value(text: str, names: dict[str, Any]) -> Any:
    value: Any = None
    for i, stage in enumerate(text.split(" | ")):
        value = _call(_words(stage), names, [value] if i else [])
    return value


def _words(text: str) -> list[str]:
    parts = text.split('"')
    if "`" in text or "\\" in text or len(parts) % 2 == 0:
        return re.findall(_WORD, text)
    found = []
    for i, part in enumerate(parts):
        found += [f'"{part}"'] if i % 2 else part.replace("(", " ( ").replace(")", " ) ").split()
    return found


def _call(words: list[str], names: dict[str, Any], piped: list[Any]) -> Any:
    args, at = [], 0
    while at < len(words):
        if words[at] == "(":
            end = _closing(words, at)
            args.append(_call(words[at + 1 : end], names, []))
            at = end + 1
        else:
            args.append(words[at] if not args and not _is_term(words[at]) else _term(words[at], names))
            at += 1
    head, rest = args[0], [*args[1:], *piped]
    if isinstance(head, str) and words[0] in _FUNCTIONS:
        return _FUNCTIONS[words[0]](*rest)
    return head(*rest) if callable(head) else head


def _closing(words: list[str], at: int) -> int:
    depth = 0
    for i in range(at, len(words)):
        depth += (words[i] == "(") - (words[i] == ")")
        if depth == 0:
            return i
    raise TemplateError("unclosed left paren")


def _is_term(word: str) -> bool:
    return word[0] in '.$"`' or word.lstrip("-").isdigit()


def _term(word: str, names: dict[str, Any]) -> Any:
    if word[0] in '"`':
        return json.loads(word) if "\\" in word else word[1:-1]
    if word.lstrip("-").isdigit():
        return int(word)
    if word[0] == "$":
        name, _, path = word[1:].partition(".")
        return _walk(names[name], path)
    if word[0] == ".":
        return _walk(names[""], word[1:])
    raise TemplateError(f'function "{word}" not defined')


def _walk(value: Any, path: str) -> Any:
    for part in filter(None, path.split(".")):
        if isinstance(value, dict):
            if part not in value:
                raise TemplateError(f'map has no entry for key "{part}"')
            value = value[part]
        else:
            raise TemplateError(f"can't evaluate field {part}")
    return value


def _index(value: Any, *keys: Any) -> Any:
    for key in keys:
        value = (value or {}).get(key, "") if isinstance(value, dict) or value is None else value[key]
    return value


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "<no value>"
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{_shown(one)}" for key, one in sorted(value.items())) + "]"
    return "[" + " ".join(map(_shown, value)) + "]" if isinstance(value, list) else str(value)


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "json": lambda value: json.dumps(value, separators=(",", ":")),
    "index": _index,
    "len": len,
    "not": lambda value: not value,
    "eq": lambda one, *others: one in others,
    "ne": lambda one, other: one != other,
    "and": lambda *values: next((value for value in values if not value), values[-1]),
    "or": lambda *values: next((value for value in values if value), values[-1]),
    "join": lambda values, by: by.join(values),
    "upper": str.upper,
    "lower": str.lower,
    "println": lambda *values: " ".join(map(_shown, values)) + "\n",
    "printf": lambda form, *values: form % values,
}
