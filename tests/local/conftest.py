"""A user on this computer for each test."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.local import Local, local_user


@pytest.fixture
def mngr(tmp_path: Path) -> Iterator[Local]:
    """A user whose MNGR_HOME is new, in an empty directory. Afterwards nothing of the test may run."""
    if not shutil.which("tmux"):
        pytest.skip("tmux isn't installed")
    with local_user(tmp_path / "home", tmp_path / "work") as local:
        yield local
