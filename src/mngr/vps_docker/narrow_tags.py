"""Tags on clouds whose labels are narrow: a value of at most 63 of `[A-Za-z0-9._-]`, with a letter or digit at each end.

A value that fits, and has no `_`, is kept as it is. All others are framed and escaped, `m_` … `_m`, where `_2b` stands
for the byte 2b; what is longer than a label goes on in `key.2`, `key.3`, and all but the last part end in `_c`. So the
host key, 68 characters of base64, takes two labels. Labels of others are left as they are.
"""

import re
from collections.abc import Iterable, Mapping

LONGEST = 63
_PLAIN = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,61}[A-Za-z0-9])?")
_FRAMED = re.compile(r"m_((?:[A-Za-z0-9.-]|_[0-9a-f]{2})*)_([mc])")
_ROOM = LONGEST - len("m__m")


def labels(tags: Mapping[str, str]) -> dict[str, str]:
    """The labels that say these tags."""
    return changed({}, tags)


def changed(before: Mapping[str, str], put: Mapping[str, str], drop: Iterable[str] = ()) -> dict[str, str]:
    """All labels of a thing after `VpsClientInterface.tag`, for clouds that replace them together."""
    gone = {*put, *drop}
    after = {key: value for key, value in before.items() if re.sub(r"\.\d+\Z", "", key) not in gone}
    for key, value in put.items():
        parts = _parts(value)
        after |= {key if at == 1 else f"{key}.{at}": part for at, part in enumerate(parts, start=1)}
    return after


def read(found: Mapping[str, str]) -> dict[str, str]:
    """The tags that these labels say. One of which a part was lost is left out: half a value is none."""
    tags: dict[str, str] = {}
    for key, value in found.items():
        if not (framed := _FRAMED.fullmatch(value)):
            tags[key] = value
        elif not re.search(r"\.\d+\Z", key):
            body, at = framed[1], 1
            while framed and framed[2] == "c":
                at += 1
                framed = _FRAMED.fullmatch(found.get(f"{key}.{at}", ""))
                body += framed[1] if framed else ""
            if framed:
                tags[key] = _unescaped(body)
    return tags


def _parts(value: str) -> list[str]:
    if _PLAIN.fullmatch(value):
        return [value]
    bodies = [""]
    for byte in value.encode():
        one = chr(byte) if re.fullmatch(rb"[A-Za-z0-9.-]", bytes([byte])) else f"_{byte:02x}"
        if len(bodies[-1]) + len(one) > _ROOM:
            bodies.append("")
        bodies[-1] += one
    return [*(f"m_{body}_c" for body in bodies[:-1]), f"m_{bodies[-1]}_m"]


def _unescaped(body: str) -> str:
    raw = re.sub(rb"_([0-9a-f]{2})", lambda found: bytes.fromhex(found[1].decode()), body.encode())
    return raw.decode(errors="replace")
