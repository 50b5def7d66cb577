"""The short cut of a warm exec: the same ssh as the long way's, and no short cut where something isn't plain."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mngr.agents import tmux
from mngr.cli.warm import ssh_argv


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose memory has agent `a1`, on a host with an open connection."""
    home = tmp_path_factory.mktemp("home with space")
    (home / "cache/names").mkdir(parents=True)
    (home / "socket").touch()
    (home / "config").touch()
    (home / "cache/names/a1.warm").write_text(f"/mngr\0agent-1\0{home}/config\0host-1\0{home}/socket")
    return home


@pytest.fixture(autouse=True)
def at_home(warm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNGR_HOME", str(warm))


words = st.lists(
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), min_size=1, max_size=4
)


@given(words)
def test_any_words_reach_the_host_as_the_long_way_sends_them(argv: list[str]) -> None:
    *ssh, line = ssh_argv(["a1", "--", *argv])
    assert ssh[0] == "ssh"
    assert ssh[-2:] == ["host-1", "--"]
    assert shlex.split(line) == tmux.exec_argv("/mngr", "agent-1", argv)


def test_dashes_before_the_words_may_be_left_out() -> None:
    assert ssh_argv(["a1", "ls", "-la"]) == ssh_argv(["a1", "--", "ls", "-la"])


@pytest.mark.parametrize(
    "args",
    [
        [], ["a1"], ["a1", "--"], ["-t", "a1", "ls"], ["a1", "-t", "ls"], ["a1", "--timeout", "3", "ls"], ["--help"],
        ["a1@host", "ls"], ["a1.docker", "ls"], ["a2", "ls"], ["../a1", "ls"], ["", "ls"], ["a1", "a\0b"],
    ],
    ids=repr,
)  # fmt: skip
def test_what_is_not_plain_takes_the_long_way(args: list[str]) -> None:
    assert ssh_argv(args) == []


def test_without_an_open_connection_it_takes_the_long_way(warm: Path) -> None:
    (warm / "socket").rename(warm / "closed")
    try:
        assert ssh_argv(["a1", "ls"]) == []
    finally:
        (warm / "closed").rename(warm / "socket")


def test_a_broken_memory_takes_the_long_way(warm: Path) -> None:
    (warm / "cache/names/a3.warm").write_text("/mngr\0agent-1")
    assert ssh_argv(["a3", "ls"]) == []


def test_it_imports_next_to_nothing() -> None:
    code = "import sys; before = set(sys.modules); import mngr.cli.warm; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30
    )
    assert not [name for name in done.stdout.split() if not name.startswith("mngr")]


def test_without_ssh_settings_it_takes_the_long_way(warm: Path) -> None:
    (warm / "config").rename(warm / "config.away")
    try:
        assert ssh_argv(["a1", "ls"]) == []
    finally:
        (warm / "config.away").rename(warm / "config")
