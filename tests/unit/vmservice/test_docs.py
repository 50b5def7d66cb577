"""docs/vm.md names what there is."""

from __future__ import annotations

import re
from pathlib import Path

from mngr.vmservice.actions import ACTIONS

DOCS = Path(__file__).resolve().parents[3] / "docs" / "vm.md"


def test_every_endpoint_is_in_the_table() -> None:
    """By its path's last words: rows are short, as `…/stop`."""
    told = "\n".join(line for line in DOCS.read_text().splitlines() if line.startswith("| `"))
    for action in ACTIONS:
        words = [one for one in re.split(r"/|\{\w+\}", action.path) if one not in ("", "api")]
        assert words[-1] in told, f"{action.method} {action.path} isn't in {DOCS}"
        assert action.method in told


def test_every_setting_is_in_the_table() -> None:
    source = (DOCS.parents[1] / "src/mngr/vmservice/settings.py").read_text()
    for name in set(re.findall(r"VM_PROVISIONER_\w+", source)):
        assert f"| `{name}` |" in DOCS.read_text(), name
