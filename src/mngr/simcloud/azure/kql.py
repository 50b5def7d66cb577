"""The part of Kusto's query language that clients of Resource Graph need: `resources | where … | project … | order by … | limit N`.

Operators: where, project, extend, order/sort by, limit/take/top, count, distinct, summarize count(). What else is asked for is
refused, as Resource Graph refuses what it can't read; nothing is passed over. https://learn.microsoft.com/azure/governance/resource-graph
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from mngr.simcloud.azure.kql_words import Unreadable, Words

Row = Mapping[str, Any]
Value = Callable[[Row], Any]
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "=~": lambda a, b: _low(a) == _low(b),
    "!~": lambda a, b: _low(a) != _low(b),
    "has": lambda a, b: bool(re.search(rf"(?<![a-z0-9]){re.escape(_low(b))}(?![a-z0-9])", _low(a))),
    "contains": lambda a, b: _low(b) in _low(a),
    "startswith": lambda a, b: _low(a).startswith(_low(b)),
    "endswith": lambda a, b: _low(a).endswith(_low(b)),
}
"""Those on texts; with `!` before it, a word means the contrary."""
FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "tostring": lambda value: "" if value is None else value if isinstance(value, str) else str(value),
    "tolower": lambda value: _low(value),
    "toupper": lambda value: _low(value).upper(),
    "isnotempty": lambda value: value not in (None, ""),
    "isempty": lambda value: value in (None, ""),
    "isnotnull": lambda value: value is not None,
    "isnull": lambda value: value is None,
    "not": lambda value: not value,
}


def run(
    query: str, rows: list[Row], tables: frozenset[str] = frozenset({"resources"})
) -> list[dict[str, Any]]:
    """Raises Unreadable."""
    words = Words(query)
    table = words.next("a table")
    if table.lower() not in tables:
        raise Unreadable(f"the table '{table}' isn't known here; there is {', '.join(sorted(tables))}")
    found: list[dict[str, Any]] = [dict(row) for row in rows]
    while words.left():
        words.take("|")
        found = _step(words, words.next("an operator").lower(), found)
    return found


def _step(words: Words, name: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if name == "where":
        holds = _either(words)
        return [row for row in rows if holds(row)]
    if name in ("project", "extend"):
        columns = list(_columns(words))
        return [
            {**(row if name == "extend" else {}), **{title: value(row) for title, value in columns}}
            for row in rows
        ]
    if name in ("limit", "take"):
        return rows[: words.number()]
    if name in ("order", "sort"):
        words.take("by")
        return _ordered(words, rows)
    if name == "top":
        most = words.number()
        words.take("by")
        return _ordered(words, rows)[:most]
    if name == "count":
        return [{"Count": len(rows)}]
    if name == "distinct":
        columns = list(_columns(words))
        found: dict[str, dict[str, Any]] = {}
        for row in rows:
            one = {title: value(row) for title, value in columns}
            found.setdefault(repr(one), one)
        return list(found.values())
    if name == "summarize":
        return _counted(words, rows)
    raise Unreadable(f"the operator '{name}' isn't known here")


def _counted(words: Words, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    title = words.next("count()")
    if words.skip("="):
        words.take("count")
    elif title.lower() != "count":
        raise Unreadable(f"the aggregation '{title}' isn't known here: only count() is")
    else:
        title = "count_"
    words.take("(")
    words.take(")")
    columns = list(_columns(words)) if words.skip("by") else []
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        one = {name: value(row) for name, value in columns}
        kept = found.setdefault(repr(one), {**one, title: 0})
        kept[title] += 1
    return list(found.values())


def _columns(words: Words) -> Iterator[tuple[str, Value]]:
    """`name`, `name = expression`, or an expression, whose name is made of its path."""
    while True:
        start = words.at
        first = words.next("a column")
        if words.skip("="):
            yield first, _term(words)
        else:
            words.at = start
            value = _term(words)
            path = [
                text
                for kind, text in words.tokens[start : words.at]
                if kind == "word" and text.lower() not in FUNCTIONS
            ]
            yield "_".join(path) or "Column1", value
        if not words.skip(","):
            return


def _ordered(words: Words, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    keys = []
    while True:
        value = _term(words)
        keys.append((value, not words.skip("asc") if not words.skip("desc") else True))
        if not words.skip(","):
            break
    for value, down in reversed(keys):
        rows = sorted(rows, key=lambda row: _rank(value(row)), reverse=down)
    return rows


def _rank(value: Any) -> tuple[int, float, str]:
    if isinstance(value, (int, float)):
        return 1, float(value), ""
    return (0, 0.0, "") if value is None else (2, 0.0, str(value))


def _either(words: Words) -> Callable[[Row], bool]:
    found = [_both(words)]
    while words.skip("or"):
        found.append(_both(words))
    return lambda row: any(one(row) for one in found)


def _both(words: Words) -> Callable[[Row], bool]:
    found = [_clause(words)]
    while words.skip("and"):
        found.append(_clause(words))
    return lambda row: all(one(row) for one in found)


def _clause(words: Words) -> Callable[[Row], bool]:
    if words.skip("("):
        inner = _either(words)
        words.take(")")
        return inner
    if words.peek().lower() == "not" and words.peek(1) == "(":
        words.take("not")
        words.take("(")
        inner = _either(words)
        words.take(")")
        return lambda row: not inner(row)
    left = _term(words)
    sign = words.peek().lower()
    contrary, bare = (
        sign.startswith("!") and sign not in COMPARE,
        sign.lstrip("!") if sign not in COMPARE else sign,
    )
    if bare in ("in", "in~"):
        words.next("in")
        values = _listed(words)
        ignore = bare == "in~"
        return lambda row: (_in(left(row), values, ignore)) != contrary
    if bare in COMPARE:
        words.next("an operator")
        right, holds = _term(words), COMPARE[bare]
        return lambda row: holds(left(row), right(row)) != contrary
    if sign in ("<", ">", "<=", ">="):
        words.next("an operator")
        right = _term(words)
        return lambda row: _ranked(sign, _rank(left(row)), _rank(right(row)))
    return lambda row: bool(left(row))


def _ranked(sign: str, a: Any, b: Any) -> bool:
    return {"<": a < b, ">": a > b, "<=": a <= b, ">=": a >= b}[sign]


def _in(value: Any, values: list[Any], ignore: bool) -> bool:
    return _low(value) in [_low(one) for one in values] if ignore else value in values


def _listed(words: Words) -> list[Any]:
    words.take("(")
    found = []
    while not words.skip(")"):
        found.append(_term(words)({}))
        words.skip(",")
    return found


def _term(words: Words) -> Value:
    """A text, a number, true or false, a function of a term, or a path into the row: `properties.a['b']`."""
    kind, text = words.token("a value")
    if kind == "text":
        literal = re.sub(r"\\(.)", r"\1", text[1:-1])
        return lambda row: literal
    if kind == "number":
        number = int(text)
        return lambda row: number
    if kind != "word":
        raise Unreadable(f"'{text}' isn't expected here")
    if text.lower() in ("true", "false"):
        said = text.lower() == "true"
        return lambda row: said
    if words.peek() == "(":
        if text.lower() not in FUNCTIONS:
            raise Unreadable(f"the function '{text}' isn't known here")
        words.take("(")
        inner, act = _term(words), FUNCTIONS[text.lower()]
        words.take(")")
        return lambda row: act(inner(row))
    path = [text]
    while words.peek() in (".", "["):
        if words.skip("."):
            path.append(words.next("a name"))
        else:
            words.take("[")
            name = _term(words)({})
            path.append(str(name))
            words.take("]")
    return lambda row: _value(row, path)


def _value(row: Any, path: list[str]) -> Any:
    """Columns have their own case; what is in them is found in any."""
    for name in path:
        if isinstance(row, list):
            row = row[int(name)] if name.isdigit() and int(name) < len(row) else None
        elif isinstance(row, Mapping):
            row = next((value for key, value in row.items() if key.lower() == name.lower()), None)
        else:
            return None
    return row


def _low(value: Any) -> str:
    return "" if value is None else str(value).lower()
