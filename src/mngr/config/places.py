"""Where in data something is wrong, and what may stand there: msgspec says neither the entry of a table nor the words it knows."""

import re
from collections.abc import Mapping
from typing import Any, Literal, get_args, get_origin

import msgspec


def named(data: Any, kind: Any, path: str) -> tuple[str, tuple[str, ...]]:
    """`path` as msgspec writes it (`states[0].state`, `env[...]`) with the entry's name in place of `...`, where one can be found; and
    the words that may stand there, if only some may."""
    said = ""
    for part in re.findall(r"[^.\[\]]+|\[[^\]]*\]", path):
        if part.startswith("["):
            kind = get_args(kind)[-1] if get_args(kind) else Any
            if part == "[...]" and isinstance(data, Mapping):
                wrong = next((key for key, value in data.items() if not _fits(value, kind)), None)
                if wrong is None:
                    return said + path[len(said) :], ()
                said, data = f"{said}.{wrong}", data[wrong]
                continue
            data = data[int(part[1:-1])] if isinstance(data, list) and part[1:-1].isdigit() else None
            said += part
        else:
            fields = {one.name: one.type for one in msgspec.structs.fields(kind)} if _is_struct(kind) else {}
            kind = fields.get(part, Any)
            data = data.get(part) if isinstance(data, Mapping) else None
            said += f".{part}" if said else part
    return said, get_args(kind) if get_origin(kind) is Literal else ()


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _fits(value: Any, kind: Any) -> bool:
    try:
        msgspec.convert(value, kind, strict=False)
    except msgspec.ValidationError:
        return False
    return True
