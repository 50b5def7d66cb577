"""Code in a container as `mngr create` brings it: real git, Docker and OpenSSH."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.cli import Cli
from support.repositories import commit, git, repository

from .conftest import RUN, clear

NAME = f"test-code-{RUN}"


@pytest.fixture(scope="module")
def mngr(image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    """A user in `packages/web` of a repository with a submodule, a tag and a filtered file, and an agent `coder` in a
    container that was created from there."""
    folder = tmp_path_factory.mktemp("code")
    commit(repository(folder / "lib"), "l")
    top = repository(folder / "repo")
    (top / ".gitattributes").write_text("*.key filter=crypt\n")
    commit(top, "packages/web/index", "web")
    commit(top, "packages/api/index", "api")
    git(top, "submodule", "--quiet", "add", str(folder / "lib"), "vendor/lib")
    git(top, "commit", "-qm", "adds lib")
    git(top, "tag", "-a", "v1", "-m", "one")
    git(top, "config", "filter.crypt.clean", "tr a-z b-za")
    (top / "new.key").write_text("secret")
    mngr = Cli(folder / "home", cwd=top / "packages/web")
    mngr.home.mkdir()
    (mngr.home / "config.toml").write_text(
        f'[providers.{NAME}]\nbackend = "docker"\ndefault_image = "{image}"\n'
    )
    # A hook's environment, of another repository.
    mngr.env["GIT_DIR"] = str(folder / "lib/.git")
    try:
        yield mngr
    finally:
        clear(NAME)


def test_an_agent_begins_where_its_user_is(mngr: Cli) -> None:
    create = ("create", "coder", "--provider", NAME, "--no-connect", "--", "sleep", "9999")
    planned = mngr.run(*create[:-3], "--dry-run", "--", "sleep", "1")
    assert "new.key" in planned.stdout
    assert "note: filter crypt: changes in new.key" in mngr.run(*create).stderr
    assert mngr.agent("coder")["work_dir"].endswith("/work/coder/packages/web")
    seen = mngr.run(
        "exec", "coder", "pwd; git describe; cd ../..; ls; git submodule status; cat vendor/lib/l"
    )
    where, described, *rest = seen.stdout.splitlines()
    assert where.endswith("/work/coder/packages/web")
    assert described == "v1"
    assert rest[:2] == ["packages", "vendor"]
    assert rest[2].startswith(" ")  # neither "-" (not checked out) nor "+" (another commit)
    assert rest[3] == "x"


def test_commits_made_in_a_submodule_and_in_a_subdirectory_come_home(mngr: Cli) -> None:
    who = "git config user.name a; git config user.email a@a.org"
    mngr.run("exec", "coder", f"cd ../../vendor/lib; {who}; echo 2 >l; git commit -qam lib")
    mngr.run("exec", "coder", f"{who}; echo 2 >index; git commit -qm web index")
    said = mngr.run("pull", "coder").stdout
    top = mngr.cwd.parent.parent
    assert "mngr/coder/trunk of vendor/lib" in said
    assert git(top, "show", "mngr/coder/trunk:packages/web/index") == "2"
    assert git(top / "vendor/lib", "show", "mngr/coder/trunk:l") == "2"


def test_a_part_of_a_repository_comes_alone(mngr: Cli) -> None:
    said = mngr.run(
        "create", "part@coder", "--provider", NAME, "--no-connect", "--from", ".", "--", "sleep", "9999"
    ).stderr  # fmt: skip
    assert "is a part of the repository" in said
    assert mngr.run("exec", "part", "pwd; ls -A").stdout.splitlines()[1:] == ["index"]
    mngr.run("destroy", "@coder", "--yes")
