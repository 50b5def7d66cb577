"""Repositories as people have them, on their way to a host and back, over a transport that ends here: real git, no host."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from mngr.model.errors import InvalidInput
from mngr.model.notes import Note
from mngr.ops import code
from mngr.ops import git as git_here
from mngr.ops import pull as pulling
from mngr.ops.notes import ChangesLeft, PartOfRepository, Unfiltered, Unmerged
from mngr.ops.work import look
from mngr.transport.local import Local
from support.repositories import WHO, commit, git, listing, repository, same


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A repository with one commit, on branch `trunk`."""
    top = repository(tmp_path / "here")
    commit(top, "one")
    return top


@pytest.fixture
def there(tmp_path: Path) -> Path:
    return tmp_path / "there"


def send(source: Path, there: Path) -> list[Note]:
    return code.send(Local(), code.Code(source), str(there))


# --- without a commit, and what is staged -----------------------------------------------------------------------


def test_a_repository_without_a_commit_arrives_as_one(tmp_path: Path, there: Path) -> None:
    here = repository(tmp_path / "new")
    (here / "staged").write_text("1")
    git(here, "add", ".")
    (here / "staged").write_text("2")
    (here / "loose").write_text("x")
    send(here, there)
    same(here, there)
    assert git(there, "symbolic-ref", "HEAD") == "refs/heads/trunk"
    commit(there, "two")
    assert pulling.pull(Local(), str(there), here, "mngr/a1").commit == git(there, "rev-parse", "HEAD")


def test_an_empty_repository_arrives_as_one(tmp_path: Path, there: Path) -> None:
    here = repository(tmp_path / "new")
    send(here, there)
    same(here, there)


def test_what_is_staged_arrives_staged(here: Path, there: Path) -> None:
    commit(here, "two")
    (here / "one").write_text("staged")
    (here / "new").write_text("new")
    git(here, "add", ".")
    (here / "one").write_text("x")  # as it was committed
    git(here, "rm", "-q", "--cached", "two")
    (here / "meant").write_text("meant")
    git(here, "add", "-N", "meant")
    before = git(here, "count-objects")
    send(here, there)
    assert listing(there) == listing(here)
    assert git(there, "diff", "--cached") == git(here, "diff", "--cached")
    assert git(here, "count-objects") == before


def test_a_merge_in_conflict_arrives_as_changes_and_says_so(here: Path, there: Path) -> None:
    git(here, "checkout", "-q", "-b", "side")
    commit(here, "one", "side")
    git(here, "checkout", "-q", "trunk")
    commit(here, "one", "trunk")
    subprocess.run(["git", "-C", str(here), *WHO, "merge", "-q", "side"], capture_output=True, check=False)
    assert send(here, there) == [Unmerged(path=str(here))]
    assert listing(there) == listing(here)


# --- files, folders and links in each other's place -------------------------------------------------------------


def link(top: Path, name: str, target: str) -> None:
    (top / name).symlink_to(target)


def folder_to_link(top: Path) -> None:
    git(top, "rm", "-rqf", "--cached", "d")
    subprocess.run(["rm", "-r", str(top / "d")], check=True)
    link(top, "d", "e")


def folder_to_broken_link(top: Path) -> None:
    subprocess.run(["rm", "-r", str(top / "d")], check=True)
    link(top, "d", "nowhere")


def folder_to_file(top: Path) -> None:
    subprocess.run(["rm", "-r", str(top / "d")], check=True)
    (top / "d").write_text("now a file")


def file_to_folder(top: Path) -> None:
    (top / "one").unlink()
    (top / "one" / "deep").mkdir(parents=True)
    (top / "one" / "deep" / "x").write_text("x")


def file_to_link(top: Path) -> None:
    (top / "one").unlink()
    link(top, "one", "d")


def link_to_folder(top: Path) -> None:
    (top / "l").unlink()
    (top / "l").mkdir()
    (top / "l" / "x").write_text("not e/x")


def link_to_file(top: Path) -> None:
    (top / "l").unlink()
    (top / "l").write_text("now a file")


def folder_removed(top: Path) -> None:
    subprocess.run(["rm", "-r", str(top / "d"), str(top / "l")], check=True)


CHANGES = [
    folder_to_link, folder_to_broken_link, folder_to_file, file_to_folder, file_to_link, link_to_folder, link_to_file,
    folder_removed,
]  # fmt: skip


@pytest.mark.parametrize("staged", [False, True], ids=["changed", "staged"])
@pytest.mark.parametrize("change", CHANGES)
def test_what_took_anothers_place_arrives(
    here: Path, there: Path, change: Callable[[Path], None], *, staged: bool
) -> None:
    link(here, "l", "e")
    for path in ("d/x", "d/y/z", "e/x"):
        commit(here, path, path)
    change(here)
    if staged:
        git(here, "add", "-A")
    send(here, there)
    same(here, there)
    assert os.path.lexists(there / "d") == os.path.lexists(here / "d")


NAMES = [
    b"line\nend",
    b'"quoted"',
    b"-rf",
    b"caf\xe9",
    "caf\u00e9".encode(),
    b"back\\slash",
    b" blank ",
    b"x" * 200,
]


def test_a_repository_that_another_git_works_in_arrives(here: Path, there: Path) -> None:
    (here / "one").write_text("staged")
    git(here, "add", ".")
    git(here, "update-index", "--split-index")
    (here / ".git/index.lock").touch()
    send(here, there)
    assert git(there, "status", "--porcelain") == "M  one"


@pytest.mark.parametrize("kind", ["shared", "separate", "grafted", "replaced", "worktree"])
def test_objects_that_lie_elsewhere_arrive(here: Path, tmp_path: Path, there: Path, kind: str) -> None:
    first, second = git(here, "rev-parse", "HEAD"), commit(here, "two")
    commit(here, "three")
    source = tmp_path / 'the:"other'
    if kind == "shared":
        git(tmp_path, "clone", "-q", "--shared", str(here), str(source))
    elif kind == "separate":
        git(tmp_path, "clone", "-q", "--separate-git-dir", str(tmp_path / "a:b"), str(here), str(source))
    elif kind == "worktree":
        git(here, "worktree", "add", "-q", "-b", "trunk2", str(source))
        git(source, "branch", "-q", "-M", "trunk2", "side")
    else:
        here.rename(source)
        if kind == "grafted":
            (source / ".git/info/grafts").write_text(f"{second}\n")
        else:
            git(source, "replace", "--graft", second)
    (source / "one").write_text("staged")
    git(source, "add", ".")
    send(source, there)
    assert git(there, "rev-list", "HEAD").split()[1:] == [second, first]
    assert git(there, "status", "--porcelain") == "M  one"
    assert git(there, "fsck", "--no-progress", "--no-dangling") == ""


def test_any_name_arrives(here: Path, there: Path) -> None:
    for name in NAMES:
        Path(os.fsdecode(bytes(here) + b"/" + name)).write_text("1")
    git(here, "add", ".")
    git(here, "commit", "-qm", "names")
    for at, name in enumerate(NAMES):
        path = Path(os.fsdecode(bytes(here) + b"/" + name))
        path.unlink() if at % 2 else path.write_text("2")
        Path(os.fsdecode(bytes(here) + b"/new" + name)).write_text("3")
    send(here, there)
    same(here, there)


# --- tags, formats, shallow clones, settings --------------------------------------------------------------------


def test_tags_that_head_reaches_come_along(here: Path, there: Path) -> None:
    git(here, "tag", "-a", "v1", "-m", "one")
    commit(here, "two")
    git(here, "tag", "light")
    git(here, "checkout", "-q", "-b", "side")
    commit(here, "side")
    git(here, "tag", "-a", "other", "-m", "not reached")
    git(here, "checkout", "-q", "trunk")
    commit(here, "three")
    send(here, there)
    assert git(there, "describe") == git(here, "describe")
    assert git(there, "tag").split() == ["light", "v1"]
    assert look(Local(), [str(there)], 60)[0].repositories[0].tips == []


def test_a_sha256_repository_arrives_and_comes_home(tmp_path: Path, there: Path) -> None:
    here = repository(tmp_path / "new", "--object-format=sha256")
    commit(here, "one")
    (here / "one").write_text("changed")
    send(here, there)
    same(here, there)
    head = commit(there, "two")
    assert len(head) == 64
    assert pulling.pull(Local(), str(there), here, "mngr/a1").commit == head


def test_a_shallow_clone_arrives_as_one_and_comes_home(here: Path, tmp_path: Path, there: Path) -> None:
    for name in ("two", "three"):
        commit(here, name)
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "-q", "--depth", "2", f"file://{here}", str(shallow))
    (shallow / "one").write_text("changed")
    send(shallow, there)
    assert listing(there) == listing(shallow)
    assert git(there, "rev-list", "HEAD").split() == git(here, "rev-list", "HEAD").split()[:2]
    assert git(there, "fsck", "--no-progress", "--no-dangling") == ""
    head = commit(there, "four")
    for into in (shallow, here):
        assert pulling.pull(Local(), str(there), into, "mngr/a1").commit == head


@pytest.mark.parametrize("without", ["blob:none", "tree:0"])
def test_a_partial_clone_is_made_whole_or_refused(
    here: Path, tmp_path: Path, there: Path, without: str
) -> None:
    commit(here, "a/b/c")
    commit(here, "a/b/c", "2")
    commit(here, "one", "2")
    git(here, "config", "uploadpack.allowFilter", "true")
    git(here, "config", "uploadpack.allowAnySHA1InWant", "true")
    partial, late = tmp_path / "partial", tmp_path / "late"
    for clone in (partial, late):
        git(tmp_path, "clone", "-q", f"--filter={without}", f"file://{here}", str(clone))
    code.Code(partial)
    here.rename(tmp_path / "away")
    send(partial, there)
    assert git(there, "show", "HEAD~:one") == "x"
    with pytest.raises(InvalidInput, match="partial clone"):
        code.Code(late)


def test_what_git_is_told_beside_the_history_holds_there(here: Path, there: Path) -> None:
    commit(here, "docs/a")
    (here / ".git/info/exclude").write_text("*.tmp\n")
    git(here, "config", "user.name", 'A "b" \\ c')
    git(here, "config", "core.autocrlf", "input")
    (here / "x.tmp").write_text("excluded")
    git(here, "sparse-checkout", "set", "--cone", "nothing")
    (here / ".git/hooks/post-checkout").write_text("#!/bin/sh\n")
    send(here, there)
    (here / "x.tmp").unlink()
    same(here, there)
    (there / "y.tmp").write_text("")
    assert git(there, "status", "--porcelain") == ""
    assert (git(there, "config", "--local", "user.name"), git(there, "config", "core.autocrlf")) == (
        'A "b" \\ c', "input",
    )  # fmt: skip
    assert not (there / "docs").exists()
    assert not (there / ".git/hooks/post-checkout").exists()


@pytest.mark.parametrize("flag", ["--skip-worktree", "--assume-unchanged"])
def test_changes_that_git_was_told_not_to_see_arrive_as_such(here: Path, there: Path, flag: str) -> None:
    git(here, "update-index", flag, "one")
    (here / "one").write_text("my own")
    send(here, there)
    same(here, there)
    assert git(there, "ls-files", "-v") == git(here, "ls-files", "-v")


@pytest.mark.parametrize("branch", ["feature/a-b", "a'b", 'x"y', "caf\u00e9", "-x"])
def test_any_branch_name_arrives(here: Path, there: Path, branch: str) -> None:
    git(here, "symbolic-ref", "HEAD", f"refs/heads/{branch}")
    git(here, "update-ref", f"refs/heads/{branch}", "trunk")
    send(here, there)
    assert git(there, "symbolic-ref", "HEAD") == f"refs/heads/{branch}"


# --- where git is told to look elsewhere ------------------------------------------------------------------------


def test_the_environment_of_another_repository_changes_nothing(
    here: Path, tmp_path: Path, there: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = repository(tmp_path / "other")
    commit(other, "secret")
    (here / "one").write_text("changed")
    where = {
        "GIT_DIR": other / ".git", "GIT_WORK_TREE": other, "GIT_INDEX_FILE": other / ".git/index",
        "GIT_OBJECT_DIRECTORY": other / ".git/objects", "GIT_COMMON_DIR": other / ".git", "GIT_PREFIX": "sub/",
        "GIT_NAMESPACE": "n", "GIT_CONFIG_PARAMETERS": f"'core.worktree={other}'", "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "core.bare", "GIT_CONFIG_VALUE_0": "true", "GIT_LITERAL_PATHSPECS": "1",
    }  # fmt: skip
    with monkeypatch.context() as bent:
        for key, value in where.items():
            bent.setenv(key, str(value))
        assert git_here.repository(here) == here
        assert git_here.repository(tmp_path) is None
        send(here, there)
    same(here, there)
    commit(there, "two")
    with monkeypatch.context() as bent:
        for key, value in where.items():
            bent.setenv(key, str(value))
        pulling.pull(Local(), str(there), here, "mngr/a1")
    assert git(here, "rev-parse", "mngr/a1/trunk") == git(there, "rev-parse", "HEAD")
    assert git(other, "branch", "--list", "mngr/a1/*") == ""


def test_the_users_git_settings_change_nothing(
    here: Path, tmp_path: Path, there: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bent = tmp_path / "gitconfig"
    bent.write_text(
        "[diff]\nnoprefix=true\nexternal=false\nrelative=true\nrenames=copies\n[core]\nquotepath=true\n"
        "[status]\nshowUntrackedFiles=no\n[pack]\npackSizeLimit=1m\n[color]\nui=always\n[init]\ndefaultBranch=odd\n"
        f"templateDir={tmp_path / 'template'}\n"
    )
    hook = tmp_path / "template/hooks/pre-commit"
    hook.parent.mkdir(parents=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    (here / "caf\u00e9").write_text("new")
    (here / "one").rename(here / "moved")
    (here / "big").write_bytes(os.urandom(3_000_000))
    commit(here, "big2", "x")
    (here / "big2").write_text("changed")
    with monkeypatch.context() as m:
        m.setenv("GIT_CONFIG_GLOBAL", str(bent))
        send(here, there)
    assert git(there, "status", "--porcelain") == git(here, "status", "--porcelain")
    assert not list((there / ".git").glob("hooks/*"))


# --- filters ----------------------------------------------------------------------------------------------------


@pytest.fixture
def filtered(here: Path) -> Path:
    """A repository in which `*.key` is kept secret by a filter, with one such file."""
    git(here, "config", "filter.crypt.clean", "tr a-z b-za")
    git(here, "config", "filter.crypt.smudge", "tr b-za a-z")
    git(here, "config", "filter.crypt.required", "true")
    (here / ".gitattributes").write_text("*.key filter=crypt\n")
    commit(here, "a.key", "secret")
    return here


def test_plain_text_of_filtered_files_never_travels(filtered: Path, there: Path) -> None:
    (filtered / "a.key").write_text("changedsecret")
    (filtered / "b.key").write_text("newsecret")
    (filtered / "c.key").write_text("stagedsecret")
    git(filtered, "add", "c.key")
    (filtered / "one").write_text("changed")
    read = code.Code(filtered)
    [comes], said = read.comes, read.notes
    assert (comes.branch, comes.files) == ("trunk", 1)
    assert send(filtered, there) == said
    assert said == [
        ChangesLeft(filters=["crypt"], files=["a.key", "b.key"], repository=True),
        Unfiltered(filters=["crypt"], files=["c.key"]),
    ]
    assert listing(there) == {
        ".gitattributes": "*.key filter=crypt\n", "one": "changed", "a.key": "tfdsfu", "c.key": "tubhfetfdsfu",
    }  # fmt: skip
    everything = b"".join(path.read_bytes() for path in there.rglob("*") if path.is_file())
    assert b"secret" not in everything
    git(there, "add", "-A")
    assert git(there, "show", ":a.key") == "tfdsfu"


def test_a_filter_that_isnt_set_up_here_says_nothing(here: Path, there: Path) -> None:
    (here / ".gitattributes").write_text("*.bin filter=lfs\n")
    commit(here, "a.bin", "pointer")
    (here / "a.bin").write_text("changed")
    assert send(here, there) == []
    same(here, there)


def test_a_filtered_file_of_a_part_stays_behind(filtered: Path, there: Path) -> None:
    commit(filtered, "sub/x.key", "secret")
    commit(filtered, "sub/y")
    left, part = send(filtered / "sub", there)
    assert left == ChangesLeft(filters=["crypt"], files=["x.key"], repository=False)
    assert part == PartOfRepository(path=str(filtered / "sub"), top=str(filtered))
    assert listing(there) == {"y": "x"}
