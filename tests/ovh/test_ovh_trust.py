"""What goes to a host that nobody has verified yet, and which keys are pinned when."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mngr.testing.cli import Cli
from mngr.testing.ovh import OvhWorld
from mngr.testing.world import cli


@pytest.mark.parametrize("snapshot", ["saved.tar", "snap-0123456789abcdef"])
def test_no_snapshot_is_restored_onto_an_unverified_host_unless_told(
    account: Callable[..., OvhWorld], snapshot: str
) -> None:
    world = account()
    (world.scratch / "saved.tar").write_text("not read before that is settled")
    create = ("create", "one", "--provider", "ovh", "--snapshot", snapshot, "--yes")
    refused = cli(world)(*create, codes=(2,))
    assert "may hold secrets" in refused.err
    assert "--trust-first-contact" in refused.err
    assert cli(world)(*create, "--dry-run", codes=(2,)).err == refused.err.replace("create one: check\n", "")
    assert [call for call in world.cloud.calls() if call["method"] == "POST"] == []
    told = Cli({**world.env, "MNGR__PROVIDERS__OVH__TRUST_FIRST_CONTACT": "true"}, world.scratch)(*create)
    flagged = cli(world)(*create, "--trust-first-contact")
    for done in (told, flagged):
        assert done.code in (2, 3)
        assert "may hold secrets" not in done.err, "it is looked at, and isn't a snapshot"
        assert snapshot in done.err
    assert world.cloud.bill()["lines"] == []
