"""A host on a real machine of the simulated OVH: fresh, destroyed, recycled at no new charge, as a user types it."""

from __future__ import annotations

import pytest

from mngr.testing.cloud import SimulatedCloud
from mngr.testing.ovh import OvhWorld
from mngr.testing.world import cli

pytestmark = [pytest.mark.e2e, pytest.mark.docker]


def test_fresh_then_destroyed_then_recycled(tmp_path) -> None:
    cloud = SimulatedCloud("ovh", "--machines", "container", "--speed", "20")
    try:
        mngr = cli(OvhWorld(cloud, tmp_path))
        made = mngr.ok(
            "create", "one", "--provider", "ovh", "--no-code", "--yes", "--env", "TOKEN=s3cret", limit_s=400
        )
        assert "withheld from one: TOKEN" in made.err
        assert mngr.ok("exec", "one", "echo $TOKEN-$(id -un)").out.strip() == "-root"
        host = mngr.ok("list", "--format", "json").json()["hosts"][0]
        assert host["ssh_trust"] == "unverified"
        (bought,) = cloud.bill()["lines"]
        mngr.ok("destroy", "one", "--yes", limit_s=200)
        again = mngr.ok("create", "two", "--provider", "ovh", "--no-code", "--yes", limit_s=400)
        assert f"claiming {bought['resource']}" in again.err
        assert [one["cost"] for one in cloud.bill()["lines"]] == [bought["cost"]]
        mngr.ok("destroy", "two", "--yes", limit_s=200)
        assert "waits to be recycled" in mngr.ok("ovh", "list").out
    finally:
        cloud.stop()
