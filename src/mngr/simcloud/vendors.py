"""Which vendors there are: the folders here that have a `start.py`, and those that other distributions bring."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType

GROUP = "mngr.simcloud"
"""The entry point group: a vendor's name → its module, which has `add_options(parser)` and `start(args, core, options)`."""


def in_tree() -> list[str]:
    return sorted(path.parent.name for path in Path(__file__).parent.glob("*/start.py"))


def find(name: str) -> ModuleType | None:
    """The vendor's module; None if there is no vendor of that name. Entry points are looked at only if it isn't in the tree."""
    if name in in_tree():
        return import_module(f"mngr.simcloud.{name}.start")
    from importlib.metadata import entry_points

    for point in entry_points(group=GROUP, name=name):
        return point.load()
    return None
