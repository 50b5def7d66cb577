"""agent-log.sh: an agent's output into its log, kept to two parts, ended with its agent."""

import subprocess
from pathlib import Path

import pytest

from mngr.hosts import scripts


def run(folder: Path, data: bytes) -> int:
    argv = ["sh", "-c", scripts.text("agent-log"), "agent-log", str(folder), "agent-1"]
    return subprocess.run(argv, input=data, timeout=30, stderr=subprocess.DEVNULL).returncode


@pytest.fixture
def agent(tmp_path: Path) -> Path:
    (tmp_path / "agents/agent-1").mkdir(parents=True)
    return tmp_path / "agents/agent-1"


def test_all_output_is_kept_byte_for_byte(tmp_path: Path, agent: Path) -> None:
    data = bytes(range(256)) * 500
    assert run(tmp_path, data) == 0
    assert (agent / "log").read_bytes() == data
    assert (agent / "log").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("limits", "part"), [(None, 8 << 20), ("quiet=9\nlog_size=1\n", 1 << 20), ("log_size=x\n", 8 << 20)]
)
def test_only_the_last_two_parts_are_kept(tmp_path: Path, agent: Path, limits: str | None, part: int) -> None:
    """Each as big as the setting says, and no bigger; whole pieces of it."""
    if limits:
        (tmp_path / "commands").mkdir()
        (tmp_path / "commands/limits").write_text(limits)
    data = b"".join(b"%07d\n" % number for number in range(5 << 20))
    assert run(tmp_path, data) == 0
    kept = (agent / "log.1").read_bytes() + (agent / "log").read_bytes()
    assert data.endswith(kept)
    assert part * 3 // 4 <= (agent / "log.1").stat().st_size <= part
    assert (agent / "log").stat().st_size <= part


def test_it_ends_when_its_agent_was_removed(tmp_path: Path) -> None:
    """Rather than turn in circles: a removal may come before its first line."""
    assert run(tmp_path, b"x" * 100_000) == 0
