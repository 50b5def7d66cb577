"""Code on its way out and commits on their way home, over a transport that ends here: real git, no host."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from mngr.model.errors import Conflict, InvalidInput, MngrError, NotFound, TimedOut
from mngr.ops import code
from mngr.transport.local import Local

WHO = ("-c", "user.name=t", "-c", "user.email=t@example.org")


def git(top: Path, *args: str) -> str:
    done = subprocess.run(["git", "-C", str(top), *WHO, *args], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def commit(top: Path, name: str, text: str = "x") -> str:
    (top / name).write_text(text)
    git(top, "add", ".")
    git(top, "commit", "-qm", f"adds {name}")
    return git(top, "rev-parse", "HEAD")


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
    code.send(Local(), source, str(there))
    return there


def pull(there: Path, into: Path, branch: str = "mngr/a1", *, force: bool = False) -> dict[str, str]:
    return code.pull(Local(), str(there), into, branch, force=force)


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
    assert git(there, "status", "--porcelain") == "M one\n?? new"


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
    monkeypatch.setattr(code, "STALL_S", 0.3)
    monkeypatch.setattr(code, "LIMIT_S", 3)
    with pytest.raises(TimedOut, match=r"sending the code to /work on root@192.0.2.1:22"):
        code.send(Hanging(script), here, "/work")


def test_commits_that_dont_come_are_left_with_a_name(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code, "LIMIT_S", 1)
    with pytest.raises(TimedOut, match=r"/work on root@192.0.2.1:22 didn't arrive within 1 s"):
        code.pull(Hanging(":"), "/work", here, "b")


# --- and back -------------------------------------------------------------------------------------------------


def test_commits_come_home_as_a_branch(here: Path, there: Path) -> None:
    sent(here, there)
    assert pull(there, here)["new"] == "no"
    head = commit(there, "two")
    (there / "loose").write_text("x")
    done = pull(there, here)
    assert done == {"new": "yes", "branch": "mngr/a1", "commit": head, "uncommitted": "1"}
    assert git(here, "rev-parse", "mngr/a1") == head
    assert git(here, "symbolic-ref", "--short", "HEAD") == "trunk"
    later = commit(there, "three")
    assert pull(there, here)["commit"] == later


@pytest.mark.parametrize("kind", ["worktree", "detached", "bare"])
def test_into_any_kind_of_repository(here: Path, tmp_path: Path, there: Path, kind: str) -> None:
    sent(here, there)
    head = commit(there, "two")
    into = tmp_path / "into"
    if kind == "worktree":
        git(here, "worktree", "add", "-q", "-b", "side", str(into))
    elif kind == "detached":
        git(here, "checkout", "-q", "--detach")
        into = here
    else:
        git(tmp_path, "clone", "-q", "--bare", str(here), str(into))
    keeper = code.keeper(into)
    assert keeper
    pull(there, keeper)
    assert git(into, "rev-parse", "mngr/a1") == head
    assert code.keeper(tmp_path) is None


def test_a_branch_that_went_another_way_stays_unless_forced(here: Path, there: Path) -> None:
    sent(here, there)
    head = commit(there, "two")
    git(here, "checkout", "-q", "-b", "mngr/a1")
    mine = commit(here, "mine")
    git(here, "checkout", "-q", "trunk")
    with pytest.raises(Conflict, match="has commits that the agent's doesn't"):
        pull(there, here)
    assert git(here, "rev-parse", "mngr/a1") == mine
    pull(there, here, force=True)
    assert git(here, "rev-parse", "mngr/a1") == head


def test_a_branch_that_is_checked_out_isnt_touched(here: Path, there: Path) -> None:
    sent(here, there)
    commit(there, "two")
    before = git(here, "rev-parse", "trunk")
    for force in (False, True):
        with pytest.raises(Conflict, match="trunk is checked out here"):
            pull(there, here, "trunk", force=force)
    assert git(here, "rev-parse", "trunk") == before


@pytest.mark.parametrize(("taken", "wanted"), [("mngr", "mngr/a1"), ("x/y", "x")])
def test_names_that_git_cant_have_side_by_side(here: Path, there: Path, taken: str, wanted: str) -> None:
    sent(here, there)
    commit(there, "two")
    git(here, "branch", taken)
    with pytest.raises(Conflict, match=f"can't have a branch {wanted}"):
        pull(there, here, wanted)


def test_what_cant_be_pulled_says_why(here: Path, there: Path, tmp_path: Path) -> None:
    there.mkdir()
    with pytest.raises(NotFound, match="no git repository"):
        pull(there, here)
    with pytest.raises(InvalidInput, match="can't be a branch's name"):
        pull(there, here, "a b")
    there.rmdir()
    sent(here, there)
    commit(there, "two")
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "-q", ".")
    with pytest.raises(MngrError) as failed:
        pull(there, other)
    assert "that the agent's code came from" in failed.value.hint
