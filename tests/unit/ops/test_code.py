"""Code on its way out, over a transport that ends here: real git, no host."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from mngr.model.errors import TimedOut
from mngr.ops import code
from mngr.ops.code import sending
from mngr.ops.code.scan import scan
from mngr.transport.local import Local
from support.rented import ManualClock
from support.repositories import commit, git


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A repository with one commit, on branch `trunk`."""
    top = tmp_path / "here"
    top.mkdir()
    git(top, "init", "-q", "-b", "trunk", ".")
    commit(top, "one")
    return top


@pytest.fixture
def there(tmp_path: Path) -> Path:
    return tmp_path / "there"


def sent(source: Path, there: Path) -> Path:
    code.send(Local(), code.Code(source), str(there))
    return there


# --- there ----------------------------------------------------------------------------------------------------


def test_a_worktree_arrives_as_a_repository_of_its_own(here: Path, tmp_path: Path, there: Path) -> None:
    tree = tmp_path / "tree"
    git(here, "worktree", "add", "-q", "-b", "side", str(tree))
    head = commit(tree, "two")
    (tree / "one").write_text("changed")
    (tree / "new").write_text("untracked")
    sent(tree, there)
    assert (there / ".git").is_dir()
    assert (git(there, "rev-parse", "HEAD"), git(there, "symbolic-ref", "--short", "HEAD")) == (head, "side")
    assert git(there, "status", "--porcelain") == " M one\n?? new"


def test_a_detached_head_arrives_on_a_branch(here: Path, there: Path) -> None:
    commit(here, "two")
    git(here, "checkout", "-q", "HEAD~1")
    sent(here, there)
    assert git(there, "rev-parse", "HEAD") == git(here, "rev-parse", "HEAD")
    assert git(there, "symbolic-ref", "--short", "HEAD") == "main"


class Hanging(Local):
    """A place whose every command is `script`."""

    place = "root@192.0.2.1:22"

    def __init__(self, script: str) -> None:
        self.script = script

    def argv(self, argv: Sequence[str], *, tty: bool = False) -> list[str]:
        return ["sh", "-c", f"{self.script}; exec sleep 1000"]


@pytest.mark.parametrize("script", [":", "cat >/dev/null"])
def test_a_remote_that_hangs_is_left_with_a_name(
    here: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    (here / "big").write_bytes(b"x" * 1_000_000)  # more than a pipe holds
    monkeypatch.setattr(sending, "STALL_S", 0.3)
    monkeypatch.setattr(sending, "LIMIT_S", 3)
    with pytest.raises(TimedOut, match=r"sending the code to /work on root@192.0.2.1:22"):
        code.send(Hanging(script), code.Code(here), "/work")


def test_what_was_read_a_moment_ago_is_sent_as_it_was_read(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []
    monkeypatch.setattr(sending, "scan", lambda source: [read.append(source), scan(source)][1])
    clock = ManualClock()
    found = code.Code(here, clock)
    (here / "new").write_text("1")
    clock.at += sending.FRESH_S
    code.send(Local(), found, str(tmp_path / "at-once"))
    assert (len(read), (tmp_path / "at-once/new").exists()) == (1, False)
    clock.at += 1  # a machine was bought meanwhile
    code.send(Local(), found, str(tmp_path / "later"))
    assert (len(read), (tmp_path / "later/new").exists()) == (2, True)
