"""Printing: JSON, a template for each, or a few columns."""

from __future__ import annotations

import sys

from lazy import json
from template import render

TYPE_CHECKING = False  # typing takes longer to import than most of these commands run
if TYPE_CHECKING:
    from typing import Any


def inspect(found: list[dict[str, Any]], missing: list[str], form: str) -> int:
    """As `docker inspect`: what was found, then what wasn't on standard error; the exit code."""
    if form:
        for one in found:
            print(render("{{json .}}" if form == "json" else form, one))
    else:
        print(json.dumps(found, indent=4))
    for line in missing:
        print(line, file=sys.stderr)
    return 1 if missing else 0


def rows(found: list[dict[str, Any]], form: str, only: str = "") -> None:
    """As `docker … ls`. `only`: the one field to print."""
    for one in found:
        if only:
            print(one[only])
        elif form:
            plain = {key: value for key, value in one.items() if not callable(value)}
            print(render("{{json .}}", plain) if form in ("json", "{{json .}}") else render(form, one))
        else:
            print("  ".join(str(value) for value in one.values() if not callable(value)))
