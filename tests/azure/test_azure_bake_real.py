"""An image that is baked from a real machine, and a host that is made from it: nothing is installed, nothing of the first is left."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mngr.testing.azure import AzureWorld
from mngr.testing.cli import Cli
from mngr.testing.cloud import SimulatedCloud

pytestmark = pytest.mark.docker


@pytest.fixture
def world(tmp_path: Path) -> Iterator[AzureWorld]:
    if (
        not shutil.which("docker")
        or subprocess.run(["docker", "version"], capture_output=True, check=False).returncode
    ):
        pytest.skip("no Docker daemon: run `scripts/dockerd start`")
    cloud = SimulatedCloud("azure", "--machines", "container", "--speed", "20", "--registered")
    yield AzureWorld(cloud, tmp_path)
    cloud.stop()


def test_a_host_from_a_baked_image_installs_nothing(world: AzureWorld) -> None:
    mngr = Cli(world.env, world.scratch)
    baked = mngr.ok("azure", "bake", "--yes", limit_s=500)
    assert "without the packages" not in baked.err, baked
    made = mngr.ok(
        "create", "box", "--provider", "azure", "--no-code", "--yes", "--format", "json", limit_s=300
    )
    phases = {one["name"]: one["seconds"] for one in made.json()["phases"]}
    assert "packages" not in phases
    assert "pull image" not in phases
    log = mngr.ok("logs", "--boot", "box").out
    assert "apt-get" not in log, log
    mngr.ok("exec", "box", "tmux -V")
    mngr.ok("destroy", "box", "--yes")
    mngr.ok("azure", "cleanup", "--yes")
    assert world.things() == []
