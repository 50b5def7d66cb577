"""docs/mcp.md names the tools that there are, with their scopes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest.importorskip("pydantic", reason="the extra mcp isn't installed")

from mngr.mcp import agents
from mngr.vmservice import toolbox

DOCS = (Path(__file__).resolve().parents[3] / "docs" / "mcp.md").read_text()


def test_every_tool_is_in_a_row_with_its_scope() -> None:
    rows = [line for line in DOCS.splitlines() if line.startswith("| `")]
    for tool in (*agents.VERBS, *toolbox.tools()):
        [row] = [
            line
            for line in rows
            if f"`{tool.name}`" in line and re.search(rf"\| `?{tool.scope}`? \||\| `{tool.scope}` ", line)
        ][:1]
        assert row, tool.name
