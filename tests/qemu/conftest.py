"""A simulated Vultr whose machines are virtual ones, for all tests here; one of them is booted at a time."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator

import pytest

from support.simcloud import Simcloud


@pytest.fixture(scope="session")
def qemu() -> None:
    """What such machines need, or the tests are skipped."""
    if missing := [program for program in ("qemu-system-x86_64", "qemu-img") if not shutil.which(program)]:
        pytest.skip(f"no {', '.join(missing)}: run `scripts/setup test`")
    if (
        not shutil.which("docker")
        or subprocess.run(["docker", "version"], capture_output=True, check=False).returncode
    ):
        pytest.skip("no Docker daemon, which the machines' disks are made with: run `scripts/dockerd start`")


@pytest.fixture(scope="module")
def cloud(qemu: None) -> Iterator[Simcloud]:
    with Simcloud("vultr", "--machines", "qemu", "--rate-limit", "0") as running:
        yield running
