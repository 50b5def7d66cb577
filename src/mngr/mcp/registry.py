"""All tools of `mngr mcp`, by name."""

from __future__ import annotations

from collections.abc import Mapping

from mngr.mcp import agents
from mngr.mcp.verbs import Verb


def all_verbs() -> Mapping[str, Verb]:
    from mngr.mcp import vms

    return {one.name: one for one in (*agents.VERBS, *vms.verbs())}


def find(name: str) -> Verb:
    """Raises KeyError. VMs' tools take time to import, and mngr's own do without."""
    return next((one for one in agents.VERBS if one.name == name), None) or all_verbs()[name]
