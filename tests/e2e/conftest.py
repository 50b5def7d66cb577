"""Worlds that several files here use."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mngr.testing.docker import DockerWorld


@pytest.fixture
def docker(tmp_path: Path) -> Iterator[DockerWorld]:
    if subprocess.run(["docker", "version"], capture_output=True, check=False).returncode:
        pytest.skip("no Docker daemon: run `scripts/dockerd start`")
    world = DockerWorld(tmp_path)
    yield world
    world.close()
