"""Commits on their way home, over a transport that ends here: real git, no host."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from mngr.model.errors import InvalidInput, MngrError, NotFound, TimedOut
from mngr.ops import code, fetch
from mngr.ops import git as git_here
from mngr.ops import pull as pulling
from mngr.ops.pull import Left, Pulled
from mngr.ops.work import look
from mngr.transport.local import Local
from support.repositories import WHO, commit, git, repository


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A repository with one commit, on branch `trunk`."""
    top = repository(tmp_path / "here")
    commit(top, "one")
    return top


@pytest.fixture
def there(here: Path, tmp_path: Path) -> Path:
    """The same, as it was sent to a host."""
    there = tmp_path / "there"
    code.send(Local(), code.Code(here), str(there))
    return there


def pull(there: Path, into: Path, branch: str = "", *, force: bool = False) -> Pulled:
    return pulling.pull(Local(), str(there), into, "mngr/a1", branch=branch, force=force)


def heads(top: Path) -> dict[str, str]:
    """The branches of agent a1: name → commit."""
    lines = git(
        top, "for-each-ref", "--format=%(refname:short) %(objectname)", "refs/heads/mngr/a1"
    ).splitlines()
    return dict(line.removeprefix("mngr/a1/").split(" ") for line in lines)  # type: ignore[misc]


def test_commits_come_home_as_a_branch(here: Path, there: Path) -> None:
    assert pull(there, here) == Pulled(branch="mngr/a1/trunk")
    head = commit(there, "two")
    (there / "loose").write_text("x")
    (there / "one").write_text("changed")
    done = pull(there, here)
    assert (done.branch, done.commit, [one.branch for one in done.brought]) == (
        "mngr/a1/trunk", head, ["mngr/a1/trunk"],
    )  # fmt: skip
    assert (done.changed, done.untracked, done.left) == (1, 1, [])
    assert heads(here) == {"trunk": head}
    assert git(here, "symbolic-ref", "--short", "HEAD") == "trunk"
    assert pull(there, here).brought == []
    later = commit(there, "three")
    assert pull(there, here).commit == later


def test_every_branch_with_new_commits_comes_home(here: Path, there: Path) -> None:
    git(there, "branch", "untouched")
    git(there, "checkout", "-q", "-b", "fix/a")
    fix = commit(there, "fix")
    git(there, "checkout", "-q", "--orphan", "other")
    orphan = commit(there, "orphan")
    git(there, "checkout", "-q", "trunk")
    done = pull(there, here)
    assert heads(here) == {"fix/a": fix, "other": orphan}
    assert (done.commit, {one.of for one in done.brought}) == ("", {"fix/a", "other"})
    assert pull(there, here).brought == []


def test_head_on_another_branch_than_before(here: Path, there: Path) -> None:
    first = commit(there, "two")
    pull(there, here)
    git(there, "checkout", "-q", "-b", "fix", "refs/mngr/base")
    fix = commit(there, "fix")
    assert pull(there, here).left == []
    assert heads(here) == {"fix": fix, "trunk": first}


def test_a_damaged_repository_is_named(here: Path, there: Path) -> None:
    (there / "sub" / ".git").mkdir(parents=True)
    assert pull(there, here).left == [Left(reason="unreadable", repository="sub")]


def test_every_stash_comes_home_and_can_be_applied(here: Path, there: Path) -> None:
    for text in ("first", "second"):
        (there / "one").write_text(text)
        git(there, "stash", "push", "-qm", text)
    done = pull(there, here)
    assert sorted(one.of for one in done.brought) == ["On trunk: first", "On trunk: second"]
    [second] = [one.branch for one in done.brought if one.of.endswith("second")]
    git(here, "stash", "apply", "-q", second)
    assert (here / "one").read_text() == "second"
    (there / "one").write_text("third")
    git(there, "stash", "push", "-qm", "third")
    assert [one.of for one in pull(there, here).brought] == ["On trunk: third"]


def test_a_detached_head_a_tag_a_worktree_and_a_rebase_that_stands_still(
    here: Path, there: Path, tmp_path: Path
) -> None:
    git(there, "checkout", "-q", "--detach")
    tagged = commit(there, "tagged")
    git(there, "tag", "v1")
    git(there, "checkout", "-q", "trunk")
    tree = tmp_path / "tree"
    git(there, "worktree", "add", "-q", "--detach", str(tree))
    apart = commit(tree, "apart")
    (tree / "loose").write_text("x")
    git(there, "checkout", "-q", "-b", "topic")
    topic = commit(there, "both", "topic")
    git(there, "checkout", "-q", "trunk")
    trunk = commit(there, "both", "trunk")
    git(there, "checkout", "-q", "topic")
    assert subprocess.run(
        ["git", "-C", str(there), *WHO, "rebase", "-q", "trunk"], capture_output=True
    ).returncode
    done = pull(there, here)
    assert heads(here) == {
        "HEAD": trunk, "trunk": trunk, "topic": topic, "tag-v1": tagged, "worktree-tree": apart,
    }  # fmt: skip
    assert (done.busy, done.untracked) == (["rebase"], 1)


def test_commits_of_nested_repositories_come_to_those_here(here: Path, tmp_path: Path) -> None:
    commit(repository(here / "sub"), "s")
    there = tmp_path / "copy"
    subprocess.run(["cp", "-a", str(here), str(there)], check=True)
    sub = commit(there / "sub", "more")
    commit(repository(there / "new"), "only there")
    done = pull(there, here)
    assert [(one.repository, one.branch, one.commit) for one in done.brought] == [
        ("sub", "mngr/a1/trunk", sub)
    ]
    assert heads(here / "sub") == {"trunk": sub}
    assert done.left == [Left(reason="no-repository", repository="new", commits=1)]


def test_commits_that_only_the_reflog_has_are_counted(here: Path, there: Path) -> None:
    commit(there, "kept")
    commit(there, "dropped")
    git(there, "reset", "-q", "--hard", "HEAD~1")
    assert pull(there, here).dropped == 1


def test_a_repository_that_was_sent_without_a_commit(tmp_path: Path) -> None:
    here = repository(tmp_path / "empty")
    there = repository(tmp_path / "work")
    assert pull(there, here).brought == []
    first = commit(there, "first")
    assert pull(there, here).commit == first


def test_what_was_merged_here_isnt_brought_again(here: Path, there: Path) -> None:
    commit(there, "two")
    pull(there, here)
    git(here, "merge", "-q", "mngr/a1/trunk")
    git(here, "branch", "-D", "mngr/a1/trunk")
    assert pull(there, here).brought == []
    git(there, "checkout", "-q", "-b", "side")
    side = commit(there, "side")
    assert pull(there, here).commit == side


def test_the_host_knows_what_came_home(here: Path, there: Path) -> None:
    commit(there, "two")
    (there / "one").write_text("stashed")
    git(there, "stash", "push", "-q")

    def unpulled() -> list[int]:
        [work] = look(Local(), [str(there)], 20)
        return [tip.unpulled for tip in work.repositories[0].tips]

    assert unpulled() == [1, 3]  # a stash is two commits, on what it was made on
    pull(there, here)
    assert unpulled() == [0, 0]
    commit(there, "three")
    assert unpulled()[0] == 1
    pull(there, here)
    assert (
        len(git(there, "for-each-ref", "refs/mngr/pulled").splitlines()) == 2
    )  # the newest of HEAD, and the stash


def test_the_shell_s_git_variables_dont_bend_it(
    here: Path, there: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = commit(there, "two")
    other = repository(tmp_path / "other")
    commit(other, "theirs")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    [work] = look(Local(), [str(there)], 20)
    assert [tip.commit for tip in work.repositories[0].tips] == [head]


class Hanging(Local):
    """A place that answers the look, and whose every other command hangs."""

    place = "root@192.0.2.1:22"

    def argv(self, argv: Sequence[str], *, tty: bool = False) -> list[str]:
        return ["sh", "-c", "exec sleep 1000"]


def test_commits_that_dont_come_are_left_with_a_name(
    here: Path, there: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(there, "two")
    monkeypatch.setattr(fetch, "LIMIT_S", 1)
    with pytest.raises(TimedOut, match=r"there on root@192.0.2.1:22 didn't arrive within 1 s"):
        pulling.pull(Hanging(), str(there), here, "mngr/b")


@pytest.mark.parametrize("kind", ["worktree", "detached", "bare"])
def test_into_any_kind_of_repository(here: Path, tmp_path: Path, there: Path, kind: str) -> None:
    head = commit(there, "two")
    into = tmp_path / "into"
    if kind == "worktree":
        git(here, "worktree", "add", "-q", "-b", "side", str(into))
    elif kind == "detached":
        git(here, "checkout", "-q", "--detach")
        into = here
    else:
        git(tmp_path, "clone", "-q", "--bare", str(here), str(into))
    keeper = git_here.keeper(into)
    assert keeper
    pull(there, keeper)
    assert git(into, "rev-parse", "mngr/a1/trunk") == head
    assert git_here.keeper(tmp_path) is None


def test_a_branch_that_went_another_way_stays_unless_forced_and_the_others_come(
    here: Path, there: Path
) -> None:
    git(there, "checkout", "-q", "-b", "side")
    side = commit(there, "side")
    git(there, "checkout", "-q", "trunk")
    head = commit(there, "two")
    git(here, "checkout", "-q", "-b", "mngr/a1/trunk")
    mine = commit(here, "mine")
    git(here, "checkout", "-q", "trunk")
    assert pull(there, here).left == [
        Left(reason="diverged", kind="head", of="trunk", branch="mngr/a1/trunk")
    ]
    assert heads(here) == {"trunk": mine, "side": side}
    for brought in (1, 0):
        assert len(pull(there, here, force=True).brought) == brought
        assert heads(here) == {"trunk": head, "side": side, f"trunk-was-{mine[:7]}": mine}


def test_force_keeps_what_no_other_ref_has(here: Path, there: Path) -> None:
    commit(there, "two")
    pull(there, here)
    for text in ("three", "four"):
        former = git(here, "rev-parse", "mngr/a1/trunk")
        git(there, "reset", "-q", "--hard", "refs/mngr/base")
        head = commit(there, text)
        [one] = pull(there, here, force=True).brought
        assert (one.commit, git(here, "rev-parse", one.kept)) == (head, former)
    git(here, "tag", "mine", "mngr/a1/trunk")
    git(there, "reset", "-q", "--hard", "refs/mngr/base")
    commit(there, "five")
    assert [one.kept for one in pull(there, here, force=True).brought] == [""]


def test_branches_of_an_older_mngr_get_their_new_names_but_where_one_is_checked_out(
    here: Path, there: Path, tmp_path: Path
) -> None:
    first = commit(there, "two")
    git(there, "branch", "fix/a")
    git(
        here,
        "fetch",
        "-q",
        str(there),
        "trunk:mngr/a1",
        "fix/a:mngr/a1+fix/a",
        "trunk:mngr/a10",
        "trunk:mngr/a1b+c",
    )
    git(here, "worktree", "add", "-q", str(tmp_path / "tree"), "mngr/a1")
    later = commit(there, "three")
    done = pull(there, here)
    assert done.renamed == {}
    assert (done.left[0].reason, done.left[0].branch) == ("name-clash", "mngr/a1/trunk")
    git(tmp_path / "tree", "checkout", "-q", "--detach")
    done = pull(there, here)
    assert done.renamed == {"mngr/a1": "mngr/a1/trunk", "mngr/a1+fix/a": "mngr/a1/fix/a"}
    assert (heads(here), done.left) == ({"trunk": later, "fix/a": first}, [])
    assert git(here, "for-each-ref", "--format=%(refname:short)", "refs/heads/mngr").split() == [
        "mngr/a1/fix/a", "mngr/a1/trunk", "mngr/a10", "mngr/a1b+c",
    ]  # fmt: skip


def test_head_under_another_name_and_the_other_branches_beside_it(here: Path, there: Path) -> None:
    head = commit(there, "two")
    git(there, "branch", "side")
    for _ in range(2):
        assert pull(there, here, "mine").left == []
        assert (heads(here), git(here, "rev-parse", "mine")) == ({"side": head}, head)


def test_a_branch_that_is_checked_out_isnt_touched(here: Path, there: Path, tmp_path: Path) -> None:
    git(there, "commit", "-q", "--amend", "-m", "another")
    git(here, "worktree", "add", "-q", "-b", "beside", str(tmp_path / "beside"))
    before = git(here, "rev-parse", "trunk")
    for force in (False, True):
        for name in ("trunk", "beside"):
            [left] = pull(there, here, name, force=force).left
            assert (left.reason, left.branch) == ("checked-out", name)
    assert git(here, "rev-parse", "trunk", "beside") == f"{before}\n{before}"
    assert not git(here, "branch", "--list", "*-was-*")


@pytest.mark.parametrize(("taken", "wanted"), [("mngr", ""), ("x/y", "x")])
def test_names_that_git_cant_have_side_by_side(here: Path, there: Path, taken: str, wanted: str) -> None:
    commit(there, "two")
    git(here, "branch", taken)
    [left] = pull(there, here, wanted).left
    assert (left.reason, left.branch) == ("name-clash", wanted or "mngr/a1/trunk")


def test_what_cant_be_pulled_says_why(here: Path, there: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    for directory in (empty, tmp_path / "gone"):
        with pytest.raises(NotFound, match="no git repository"):
            pull(directory, here)
    with pytest.raises(InvalidInput, match="can't be a branch's name"):
        pull(there, here, "a b")
    (empty / ".git").mkdir()
    with pytest.raises(MngrError, match="damaged"):
        pull(empty, here)
    commit(there, "two")
    with pytest.raises(MngrError) as failed:
        pull(there, repository(tmp_path / "other"))
    assert "that the agent's code came from" in failed.value.hint
