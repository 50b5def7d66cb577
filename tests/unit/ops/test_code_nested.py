"""What lies in each other: submodules, nested repositories, worktrees, parts of a repository; real git, no host."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mngr.model.errors import InvalidInput
from mngr.model.notes import Note
from mngr.ops import code
from mngr.ops import pull as pulling
from mngr.ops.notes import NoRepository, PartOfRepository, RepositoryLeft, SubmoduleEmpty
from mngr.transport.local import Local
from support.repositories import commit, git, listing, repository, same


@pytest.fixture
def there(tmp_path: Path) -> Path:
    return tmp_path / "there"


def send(source: Path, there: Path) -> list[Note]:
    return code.send(Local(), code.Code(source), str(there))


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A repository with a submodule `libs/outer`, which has a submodule `inner` of its own."""
    inner = repository(tmp_path / "inner")
    commit(inner, "i")
    outer = repository(tmp_path / "outer")
    commit(outer, "o")
    git(outer, "submodule", "--quiet", "add", str(inner), "inner")
    git(outer, "commit", "-qm", "adds inner")
    top = repository(tmp_path / "here")
    commit(top, "one")
    git(top, "submodule", "--quiet", "add", str(outer), "libs/outer")
    git(top, "submodule", "--quiet", "update", "--init", "--recursive")
    git(top, "commit", "-qm", "adds outer")
    return top


def test_submodules_arrive_with_their_changes(here: Path, there: Path) -> None:
    outer = here / "libs/outer"
    commit(outer, "newer")  # not what is recorded
    (outer / "o").write_text("changed")
    (outer / "inner/loose").write_text("untracked")
    (outer / "inner/i").unlink()
    assert send(here, there) == []
    assert listing(there) == listing(here)
    for path in ("", "libs/outer", "libs/outer/inner"):
        assert git(there / path, "status", "--porcelain") == git(here / path, "status", "--porcelain")
        assert git(there / path, "rev-parse", "HEAD") == git(here / path, "rev-parse", "HEAD")
    assert git(there, "submodule", "status") == git(here, "submodule", "status")
    assert git(there / "libs/outer/inner", "rev-parse", "refs/mngr/base") == git(
        outer / "inner", "rev-parse", "HEAD"
    )


def test_a_submodules_commits_come_home(here: Path, there: Path) -> None:
    send(here, there)
    heads = {path: commit(there / path, "new") for path in ("libs/outer/inner", "libs/outer", ".")}
    pulled = pulling.pull(Local(), str(there), here, "mngr/a1")
    assert {one.repository: one.commit for one in pulled.brought} == heads
    for path, head in heads.items():
        name = git(there / path, "rev-parse", "--abbrev-ref", "HEAD")
        assert git(here / path, "rev-parse", f"mngr/a1/{name}") == head
    assert (pulled.left, pulled.changed) == ([], 0)


def test_a_submodule_that_isnt_checked_out_is_named(here: Path, there: Path) -> None:
    git(here, "submodule", "--quiet", "deinit", "-f", "libs/outer")
    left = [SubmoduleEmpty(path=str(here / "libs/outer"))]
    assert code.Code(here).notes == left
    assert send(here, there) == left
    assert os.listdir(there / "libs/outer") == []
    assert git(there, "status", "--porcelain") == ""


def test_a_submodule_that_is_gone_or_only_staged(here: Path, tmp_path: Path, there: Path) -> None:
    git(here, "submodule", "--quiet", "add", str(tmp_path / "inner"), "staged")
    git(here, "rm", "-q", "-f", "libs/outer")
    send(here, there)
    same(here, there)
    assert (there / "staged/i").exists()


@pytest.mark.parametrize("instead", ["file", "link", "nothing"])
def test_what_took_a_submodules_place_arrives(here: Path, there: Path, instead: str) -> None:
    (here / "libs/outer").rename(here.parent / "away")
    if instead == "file":
        (here / "libs/outer").write_text("now a file")
    elif instead == "link":
        (here / "libs/outer").symlink_to("../one")
    send(here, there)
    if instead == "link":  # with which `git status` ends in an error, here and there
        assert listing(there) == listing(here)
    else:
        same(here, there)


def test_nested_repositories_arrive_whatever_they_are(here: Path, there: Path) -> None:
    nested = repository(here / "tools/nested")
    commit(nested, "n")
    git(nested, "checkout", "-q", "--detach")
    unborn = repository(here / "tools/unborn")
    (unborn / "u").write_text("u")
    (here / ".gitignore").write_text("ignored/\n")
    commit(repository(here / "ignored"), "x")
    assert send(here, there) == []
    assert listing(there / "tools") == listing(here / "tools")
    assert git(there / "tools/nested", "log", "--format=%H", "HEAD") == git(nested, "rev-parse", "HEAD")
    assert git(there / "tools/unborn", "symbolic-ref", "HEAD") == "refs/heads/trunk"
    assert git(there / "tools/unborn", "status", "--porcelain") == "?? u"
    assert not (there / "ignored").exists()


def test_what_cant_be_brought_is_named(here: Path, there: Path) -> None:
    git(here, "worktree", "add", "-q", "-b", "side", str(here / "trees/side"))
    (here / "broken").mkdir()
    (here / "broken/.git").write_text("gitdir: /nowhere/at/all\n")
    (here / "broken/x").write_text("x")
    git(repository(here / "later"), "config", "core.repositoryformatversion", "99")
    read = code.Code(here)
    [comes], notes = read.comes, read.notes
    assert comes.nested == 2
    assert notes == [
        RepositoryLeft(path=str(here / "later")),
        RepositoryLeft(path=str(here / "trees/side"), worktree_of=str(here)),
    ]
    assert send(here, there) == notes
    assert not (there / "trees").exists()
    assert (there / "broken/x").read_text() == "x"


def test_repositories_in_a_folder_that_is_none(here: Path, tmp_path: Path, there: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "empty").mkdir(parents=True)
    (folder / "a").write_text("a")
    (folder / "link").symlink_to("nowhere")
    os.mkfifo(folder / "pipe")
    here.rename(folder / "repo")
    git(folder / "repo", "config", "credential.helper", "secret")
    assert send(folder, there) == [NoRepository(path=str(folder))]
    assert git(there / "repo", "rev-parse", "HEAD") == git(folder / "repo", "rev-parse", "HEAD")
    assert (there / "empty").is_dir()
    assert (sorted(os.listdir(there)), (there / "a").read_text()) == (["a", "empty", "link", "repo"], "a")
    assert "secret" not in (there / "repo/.git/config").read_text()


# --- parts of a repository, and other ways to name one -------------------------------------------------------------


def test_a_part_that_was_asked_for_by_name_comes_alone(here: Path, there: Path) -> None:
    commit(here, "packages/web/deep/a", "a")
    commit(here, "packages/api/secret", "secret")
    (here / ".gitignore").write_text("*.o\n")
    for name, text in {"deep/a": "changed", "new": "new", "x.o": "ignored"}.items():
        (here / "packages/web" / name).write_text(text)
    commit(repository(here / "packages/web/nested"), "n")
    web = here / "packages/web"
    assert send(web, there) == [PartOfRepository(path=str(web), top=str(here))]
    assert listing(there) == {"deep/a": "changed", "new": "new", "nested/n": "x"}
    assert not (there / ".git").exists()
    assert (there / "nested/.git").exists()


def test_an_ignored_part_comes_whole(here: Path, there: Path) -> None:
    (here / ".gitignore").write_text("out/\n")
    (here / "out").mkdir()
    (here / "out/x").write_text("x")
    send(here / "out", there)
    assert listing(there) == {"x": "x"}


def test_a_top_by_way_of_a_link_comes_as_the_repository(here: Path, tmp_path: Path, there: Path) -> None:
    (tmp_path / "link").symlink_to(here)
    assert send(tmp_path / "link", there) == []
    assert git(there, "rev-parse", "HEAD") == git(here, "rev-parse", "HEAD")


def test_a_submodule_by_name_comes_as_a_repository(here: Path, there: Path) -> None:
    send(here / "libs/outer", there)
    same(here / "libs/outer/inner", there / "inner")
    assert git(there, "rev-parse", "HEAD") == git(here / "libs/outer", "rev-parse", "HEAD")


def test_a_bare_repository_arrives_checked_out(tmp_path: Path, there: Path) -> None:
    origin = repository(tmp_path / "origin")
    head = commit(origin, "one")
    git(tmp_path, "clone", "-q", "--bare", str(origin), str(tmp_path / "bare"))
    assert send(tmp_path / "bare", there) == []
    assert (git(there, "rev-parse", "trunk"), listing(there)) == (head, {"one": "x"})
    assert git(there, "status", "--porcelain") == ""
    with pytest.raises(InvalidInput, match="the inside of a git repository"):
        code.Code(origin / ".git")


@pytest.mark.parametrize("kind", ["repository", "folder"])
def test_what_cant_be_read_is_said_before_anything_is_made(
    here: Path, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = here if kind == "repository" else tmp_path / "folder"
    source.mkdir(exist_ok=True)
    (source / "locked").write_text("x")
    really = os.access  # root may read everything

    def access(path: Path, mode: int, **how: bool) -> bool:
        return Path(path).name != "locked" and really(path, mode, **how)

    monkeypatch.setattr(os, "access", access)
    with pytest.raises(InvalidInput, match="locked can't be read"):
        code.Code(source)
