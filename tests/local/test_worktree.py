"""Agents on this computer with a git worktree of their own, as a user types it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.local import Local
from support.repositories import commit, git, repository

COMMIT = "git -c user.name=a -c user.email=a@example.org commit -q"


@pytest.fixture
def top(mngr: Local) -> Path:
    """The user is in a repository, on its branch trunk."""
    repository(mngr.cwd)
    commit(mngr.cwd, "one")
    return mngr.cwd


def create(mngr: Local, name: str, *options: str, code: int = 0) -> str:
    words = ("create", name, "--no-connect", "--worktree", *options, "--", "sleep", "1000")
    return mngr.run(*words, code=code).stderr


def trees(top: Path) -> list[str]:
    """The worktrees of the repository beside its own, by their folders' names."""
    lines = git(top, "worktree", "list", "--porcelain").splitlines()
    return [line.rpartition("/")[2] for line in lines if line.startswith("worktree ")][1:]


def branches(top: Path) -> list[str]:
    return git(top, "for-each-ref", "--format=%(refname:short)", "refs/heads").split()


def test_two_agents_in_one_directory_are_told_of_each_other(mngr: Local, top: Path) -> None:
    mngr.create("a1", "sleep", "1000")
    said = mngr.run("create", "a2", "--no-connect", "--", "sleep", "1000").stderr
    assert f"note: {top} is the directory of agent a1, too: --worktree gives an agent one of its own" in said
    assert "of agent" not in create(mngr, "a3")
    mngr.run("destroy", "a1", "a2", "a3", "--yes")


def test_an_agent_works_on_a_branch_of_its_own_and_its_commits_are_here(mngr: Local, top: Path) -> None:
    (top / "one").write_text("mine")
    mngr.cwd = top / "below"
    mngr.cwd.mkdir()
    said = create(mngr, "fix")
    tree = mngr.home / "worktrees" / "fix"
    assert f"note: works in {tree}, on the branch mngr/fix; 1 uncommitted change stayed here" in said
    line = f"pwd; git branch --show-current; cat ../one; echo 2 >two; git add .; {COMMIT} -m two"
    assert mngr.run("exec", "fix", line).stdout == f"{tree}/below\nmngr/fix\nx"
    pulled = mngr.json("pull", "fix")
    assert (pulled["here"], pulled["branch"], pulled["brought"]) == (True, "mngr/fix", [])
    assert (
        "branch mngr/fix is here already: its worktree is of this repository"
        in mngr.run("pull", "fix").stdout
    )
    git(top, "stash")
    git(top, "merge", "-q", "mngr/fix")
    assert (top / "below/two").read_text() == "2\n"
    assert f"its worktree {tree} and branch mngr/fix go" in mngr.run("destroy", "fix", "--dry-run").stdout
    mngr.run("destroy", "fix", "--yes")
    assert (tree.exists(), trees(top), branches(top)) == (False, [], ["trunk"])


def test_destroy_names_what_would_be_lost_and_asks(mngr: Local, top: Path) -> None:
    create(mngr, "fix")
    mngr.run("exec", "fix", f"echo 2 >two; git add .; {COMMIT} -m 'second one'; echo x >one; echo y >new")
    asked = mngr.run("destroy", "fix", code=2)
    lost = "fix has 1 commit that no other branch has, on mngr/fix (newest: second one), 1 uncommitted file, 1 untracked file"
    assert lost in asked.stderr
    assert (trees(top), branches(top)) == (["fix"], ["mngr/fix", "trunk"])
    assert f"note: {lost}" in mngr.run("destroy", "fix", "--yes").stderr
    assert (trees(top), branches(top)) == ([], ["trunk"])


def test_commits_that_a_branch_a_tag_or_a_remote_has_arent_lost(
    mngr: Local, top: Path, tmp_path: Path
) -> None:
    create(mngr, "fix")
    tree = mngr.home / "worktrees" / "fix"

    def lost() -> int:
        [row] = mngr.json("destroy", "fix", "--dry-run")["would_destroy"]
        return row["work"][0]["commits"]

    commit(tree, "two")
    assert lost() == 1
    git(top, "tag", "kept", "mngr/fix")
    assert lost() == 0
    commit(tree, "three")
    remote = repository(tmp_path / "remote", "--bare")
    git(tree, "push", "-q", str(remote), "HEAD:refs/heads/x")
    assert lost() == 1
    git(top, "remote", "add", "origin", str(remote))
    git(top, "fetch", "-q", "origin")
    assert lost() == 0
    git(tree, "checkout", "-q", "-b", "feature")
    commit(tree, "four")
    assert lost() == 0  # `feature` stays
    git(tree, "checkout", "-q", "--detach")
    commit(tree, "five")
    assert lost() == 1
    inner = repository(tree / "inner")
    commit(inner, "six")
    assert lost() == 2
    mngr.run("destroy", "fix", "--yes")
    assert branches(top) == ["feature", "trunk"]


def test_what_can_t_be_is_refused_before_anything_is_made(mngr: Local, tmp_path: Path) -> None:
    assert "isn't in a git repository" in create(mngr, "fix", code=2)
    top = repository(mngr.cwd)
    assert "no commit yet" in create(mngr, "fix", code=2)
    commit(top, "one")
    assert "exclude each other" in create(mngr, "fix", "--no-code", code=2)
    assert "exclude each other" in create(mngr, "fix", "--workdir", str(tmp_path), code=2)
    assert "on this computer only" in create(mngr, "fix", "--provider", "docker", code=2)
    git(top, "branch", "mngr/fix/trunk")
    assert "git can't hold the branch mngr/fix beside mngr/fix/trunk" in create(mngr, "fix", code=4)
    git(top, "branch", "-D", "mngr/fix/trunk")
    git(top, "checkout", "-q", "-b", "mngr/fix")
    assert f"the branch mngr/fix is checked out in {top}" in create(mngr, "fix", code=4)
    commit(top, "mine")
    git(top, "checkout", "-q", "trunk")
    assert "with 1 commits that no other branch has" in create(mngr, "fix", code=4)
    (mngr.home / "worktrees" / "odd").mkdir(parents=True)
    (mngr.home / "worktrees" / "odd" / "file").touch()
    assert "with work that is nowhere else" in create(mngr, "odd", code=4)
    assert (trees(top), branches(top)) == ([], ["mngr/fix", "trunk"])
    shutil.rmtree(mngr.home / "worktrees")
    git(top, "branch", "-f", "mngr/fix", "trunk")  # a branch without commits of its own is taken
    create(mngr, "fix")
    mngr.run("destroy", "fix", "--yes")
    assert branches(top) == ["trunk"]


def test_a_repository_with_odd_letters_a_detached_head_submodules_and_git_variables(
    mngr: Local, tmp_path: Path
) -> None:
    top = repository(mngr.cwd / 'it\'s a $(x) "repo" é')
    commit(top, "one")
    library = repository(tmp_path / "library")
    commit(library, "l")
    git(top, "submodule", "--quiet", "add", str(library), "lib")
    git(top, "commit", "-qm", "lib")
    git(top, "checkout", "-q", "--detach")
    other = repository(tmp_path / "other")
    mngr.cwd = top
    mngr.env |= {"GIT_DIR": str(other / ".git"), "GIT_WORK_TREE": str(other)}
    assert "its submodules are empty there: `git submodule update --init`" in create(mngr, "fix")
    line = f"git -c protocol.file.allow=always submodule --quiet update --init; git branch --show-current; echo 2 >two; git add two; {COMMIT} -m two"
    assert mngr.run("exec", "fix", line).stdout == "mngr/fix\n"
    for name in ("GIT_DIR", "GIT_WORK_TREE"):
        del mngr.env[name]
    assert git(top, "log", "-1", "--format=%s", "mngr/fix") == "two"
    git(top, "merge", "-q", "mngr/fix")
    commit(mngr.home / "worktrees/fix/lib", "deep")
    [row] = mngr.json("destroy", "fix", "--dry-run")["would_destroy"]
    assert any(one.startswith("lib: ") for one in row["work"][0]["branches"])
    mngr.run("destroy", "fix", "--yes")
    assert trees(top) == []


def test_what_a_killed_create_left_is_taken_by_the_next_and_by_gc(mngr: Local, top: Path) -> None:
    mngr.create("other", "sleep", "1000")
    tree = mngr.home / "worktrees" / "fix"
    git(top, "worktree", "add", "-q", "-b", "mngr/fix", str(tree))
    create(mngr, "fix")
    mngr.run("gc")
    assert trees(top) == ["fix"]  # it is an agent's
    mngr.run("destroy", "fix", "--yes")
    for lost in (False, True):
        git(top, "worktree", "add", "-q", "-b", "mngr/fix", str(tree))
        if lost:
            commit(tree, "work")
        said = mngr.run("gc").stdout
        assert (str(tree) in said, trees(top)) == (True, ["fix"] if lost else [])
    mngr.run("destroy", "other", "--yes")


def test_a_worktree_that_somebody_removed_is_no_obstacle_and_a_renamed_agent_keeps_its_own(
    mngr: Local, top: Path
) -> None:
    create(mngr, "fix")
    mngr.run("rename", "fix", "mend")
    assert "is of agent mend, which was called fix" in create(mngr, "fix", code=4)
    assert "mngr/fix" in mngr.run("pull", "mend").stdout
    shutil.rmtree(mngr.home / "worktrees" / "fix")
    mngr.run("destroy", "mend", "--yes")
    create(mngr, "fix")
    mngr.run("destroy", "fix", "--yes")
    assert subprocess.run(["git", "-C", str(top), "worktree", "prune"], check=False).returncode == 0
    assert branches(top) == ["trunk"]


def test_an_empty_folder_in_its_place_is_no_leave_to_reset_a_branch(mngr: Local, top: Path) -> None:
    git(top, "checkout", "-q", "-b", "mngr/foo")
    kept = commit(top, "mine")
    git(top, "checkout", "-q", "trunk")
    (mngr.home / "worktrees" / "foo").mkdir(parents=True)
    assert "with 1 commits that no other branch has" in create(mngr, "foo", code=4)
    git(top, "worktree", "add", "-q", "--detach", str(mngr.home / "worktrees" / "bar"))
    git(top, "checkout", "-q", "-b", "mngr/bar")
    assert f"the branch mngr/bar is checked out in {top}" in create(mngr, "bar", code=4)
    assert git(top, "rev-parse", "mngr/foo") == kept
    git(top, "checkout", "-q", "--detach", kept)
    git(top, "branch", "-q", "-D", "mngr/bar")
    create(mngr, "foo")  # from HEAD, which has the branch's commit
    assert git(mngr.home / "worktrees" / "foo", "rev-parse", "HEAD") == kept
    mngr.run("destroy", "foo", "--yes")


def test_a_home_by_another_way_has_the_same_worktrees(mngr: Local, top: Path) -> None:
    create(mngr, "one")
    tree = mngr.home / "worktrees" / "one"
    alias = mngr.home.with_name("alias")
    alias.symlink_to(mngr.home)
    (alias.with_name("deep") / "er").mkdir(parents=True)
    alias.with_name("bent").symlink_to(alias.with_name("deep") / "er")
    for way in (str(alias), f"{mngr.home.parent}/bent/../../home", f"../{mngr.home.name}"):
        mngr.env["MNGR_HOME"] = way
        mngr.run("gc")
        assert (trees(top), branches(top)) == (["one"], ["mngr/one", "trunk"])
        assert f"its worktree {tree} and branch mngr/one go" in mngr.run("destroy", "one", "--dry-run").stdout
        create(mngr, "two")
        assert (
            mngr.run("exec", "two", "pwd; git branch --show-current").stdout
            == f"{tree.with_name('two')}\nmngr/two\n"
        )
        mngr.run("destroy", "two", "--yes")
        assert trees(top) == ["one"]
    mngr.env["MNGR_HOME"] = str(mngr.home)
    mngr.run("destroy", "one", "--yes")
    assert branches(top) == ["trunk"]


def test_a_first_agent_of_a_relative_home_gets_its_worktree(mngr: Local, top: Path) -> None:
    mngr.env["MNGR_HOME"] = f"../{mngr.home.name}"
    create(mngr, "fix")
    tree = mngr.home / "worktrees" / "fix"
    assert (trees(top), mngr.run("exec", "fix", "pwd").stdout) == (["fix"], f"{tree}\n")
    mngr.run("destroy", "fix", "--yes")
    assert trees(top) == []


def test_a_worktree_that_can_t_be_the_agent_s_is_an_error_not_an_empty_folder(mngr: Local, top: Path) -> None:
    mngr.create("other", "sleep", "1000")
    mngr.run("destroy", "other", "--yes")
    host = mngr.home / "host.json"
    host.write_text(host.read_text().replace(str(mngr.home), str(mngr.home.with_name("former"))))
    assert "is in no worktree below" in create(mngr, "fix", code=1)
    assert trees(top) == []
    host.unlink()


def test_while_an_agent_is_made_gc_leaves_what_lies_in_its_place(mngr: Local, top: Path) -> None:
    """The lock is the agent's name, also where its host is named."""
    tree = mngr.home / "worktrees" / "fix"
    git(top, "worktree", "add", "-q", "-b", "mngr/fix", str(tree))
    script = """
import subprocess, sys
from mngr.ops.context import Mngr
from mngr.ops.create import create
from mngr.ops.request import CreateRequest
def agree(plan):
    subprocess.run([sys.executable, "-m", "mngr", "gc"], check=True)
    raise SystemExit
create(Mngr(), CreateRequest(name="fix", host="localhost", provider="local", worktree=True), agree=agree)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], env=mngr.env, cwd=top, capture_output=True, text=True, check=True
    )
    assert trees(top) == ["fix"], done.stdout
    mngr.run("gc")
    assert trees(top) == []


def test_pull_gives_the_branch_the_name_that_was_asked_for_and_brings_what_nested_repositories_have(
    mngr: Local, top: Path
) -> None:
    library = repository(top / "lib")
    commit(library, "l")
    create(mngr, "fix")
    tree = mngr.home / "worktrees" / "fix"
    done = commit(tree, "two")
    mngr.run("pull", "fix", "--branch", "a..b", code=2)
    for brought in (["mine"], []):
        pulled = mngr.json("pull", "fix", "--branch", "mine")
        assert ([one["branch"] for one in pulled["brought"]], pulled["branch"]) == (brought, "mngr/fix")
    assert (git(top, "rev-parse", "mine"), branches(top)) == (done, ["mine", "mngr/fix", "trunk"])
    git(top, "checkout", "-q", "-B", "other", "trunk")
    theirs = commit(top, "theirs")
    git(top, "checkout", "-q", "trunk")
    assert (
        "has commits that the agent's doesn't" in mngr.run("pull", "fix", "--branch", "other", code=4).stderr
    )
    mngr.run("pull", "fix", "--branch", "other", "--force")
    assert (git(top, "rev-parse", "other"), git(top, "rev-parse", f"other-was-{theirs[:7]}")) == (
        done,
        theirs,
    )

    git(mngr.cwd, "clone", "-q", str(library), str(tree / "lib"))
    deep = commit(tree / "lib", "deep")
    commit(repository(tree / "new"), "n")
    git(tree, "worktree", "add", "-q", "-b", "side", "inner")  # of the same repository: its branch is here
    commit(tree / "inner", "inner")
    left = {"lib": 2, "new": 1}
    for into in (tree, top):
        pulled = mngr.json("pull", "fix", "--into", str(into), code=4)
        assert {one["repository"]: one["commits"] for one in pulled["left"]} == left
        left.pop("lib", None)
    assert git(library, "rev-parse", "mngr/fix/trunk") == deep
    [row] = mngr.json("destroy", "fix", "--dry-run")["would_destroy"]
    assert not any(one.startswith("lib: ") for one in row["work"][0]["branches"])
    assert any(one.startswith("new: ") for one in row["work"][0]["branches"])
    git(tree, "checkout", "-q", "-b", "feature")
    commit(tree, "three")
    mngr.run("pull", "fix", "--branch", "third", code=4)
    assert {"feature", "mngr/fix", "third"} <= {*branches(top)}
    mngr.run("destroy", "fix", "--yes")
