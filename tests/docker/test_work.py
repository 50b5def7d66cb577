"""What comes home from a container, and what a destroy says it would take away: real git, Docker and OpenSSH."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.cli import Cli

from .conftest import RUN, clear, docker

NAME = f"test-work-{RUN}"
WHO = "git config user.name a; git config user.email a@a.org"


def git(top: Path, *args: str) -> str:
    who = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    done = subprocess.run(["git", "-C", str(top), *who, *args], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def mngr(image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    """A user in a repository, with an agent `coder` in a container that has its code, and `idler`, without any, beside it."""
    folder = tmp_path_factory.mktemp("work")
    top = folder / "repo"
    top.mkdir()
    git(top, "init", "-q", "-b", "trunk", ".")
    (top / "one").write_text("one\n")
    git(top, "add", ".")
    git(top, "commit", "-qm", "first")
    mngr = Cli(folder / "home", cwd=top)
    mngr.home.mkdir()
    (mngr.home / "config.toml").write_text(
        f'[providers.{NAME}]\nbackend = "docker"\ndefault_image = "{image}"\n'
    )
    try:
        mngr.run("create", "coder", "--provider", NAME, "--no-connect", "--", "sleep", "9999")
        mngr.run(
            "create", "idler@coder", "--provider", NAME, "--no-code", "--no-connect", "--", "sleep", "9999"
        )
        yield mngr
        mngr.run("destroy", "@coder", "--yes")
    finally:
        clear(NAME)


def test_destroy_names_what_was_never_pulled_until_it_was(mngr: Cli) -> None:
    assert "never pulled" not in mngr.run("destroy", "@coder", "--dry-run").stdout
    mngr.run(
        "exec", "coder",
        f"{WHO}; echo 2 >two; git add .; git commit -qm 'second one'; git checkout -qb side HEAD~; echo 3 >three; git add .;"
        "GIT_COMMITTER_DATE=2040-01-01T00:00:00Z git commit -qm 'on the side'; echo x >>one; git stash -q; git checkout -q trunk; echo y >>one; mkdir new; echo >new/a; echo >new/b",
    )  # fmt: skip
    said = mngr.run("destroy", "@coder", "--dry-run").stdout
    assert "coder has 2 commits never pulled, on trunk, side (newest: on the side), 1 stash" in said
    assert "1 uncommitted file, 2 untracked files" in said
    assert "idler has" not in said
    asked = mngr.run("destroy", "@coder", code=2)
    assert "coder has 2 commits never pulled" in asked.stderr
    [row] = mngr.json("destroy", "coder", "--dry-run")["would_destroy"]
    [lost] = row["work"]
    assert (lost["agent"], lost["commits"], lost["branches"], len(lost["stashes"])) == (
        "coder", 2, ["trunk", "side"], 1,
    )  # fmt: skip
    assert (lost["changed"], lost["untracked"], lost["problem"]) == (1, 2, "")

    pulled = mngr.json("pull", "coder")
    assert sorted(one["kind"] for one in pulled["brought"]) == ["branch", "head", "stash"]
    assert git(mngr.cwd, "log", "-1", "--format=%s", "mngr/coder/side") == "on the side"
    assert "no new commits" in mngr.run("pull", "coder").stdout
    said = mngr.run("destroy", "@coder", "--dry-run").stdout
    assert ("never pulled" in said, "stash" in said) == (False, False)
    assert "coder has 1 uncommitted file, 2 untracked files" in said


def test_a_dry_run_says_the_size_the_code_and_that_it_costs_nothing(mngr: Cli, image: str) -> None:
    (mngr.cwd / "untracked").touch()
    limits = ("-s", "--memory=512m", "-s", "--cpus=1.5")
    words = ("create", "new", "--provider", NAME, *limits, "--dry-run")
    try:
        said = mngr.run(*words).stdout.splitlines()
    finally:
        (mngr.cwd / "untracked").unlink()
    commit = git(mngr.cwd, "rev-parse", "HEAD")[:7]
    assert said == [
        "would create agent new",
        f"  image {image}",
        "  costs nothing",
        "  1.5 vCPU, 0.5 GB RAM",
        f"  code: {mngr.cwd}, trunk at {commit}, 1 changed or untracked file; not what .gitignore names",
    ]
    onto = mngr.run("create", "new@coder", "--no-code", "--dry-run").stdout.splitlines()
    assert onto[1:] == ["  costs nothing more", "  on host coder, which is there: no other one is made"]


def test_destroy_names_who_stays(mngr: Cli) -> None:
    asked = mngr.run("destroy", "idler", code=2).stderr
    assert "destroys idler (running) on coder; host coder stays, with coder\n" in asked


def test_an_agent_without_git_loses_its_files(mngr: Cli) -> None:
    mngr.run("exec", "idler", "mkdir -p out; echo >out/a; echo >b; git init -q repo; cd repo; echo >c")
    said = mngr.run("destroy", "idler", "--dry-run").stdout
    assert "idler has 1 untracked file, 2 files in no repository" in said


def test_a_directory_without_git_says_that_no_code_comes(mngr: Cli, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    there = Cli(mngr.home, cwd=tmp_path)
    words = ("create", "bare@coder", "--provider", NAME, "--no-connect")
    said = f"{tmp_path} isn't in a git repository, so no code comes along: --from . brings its files"
    assert said in there.run(*words, "--dry-run").stdout
    assert there.run(*words, "--", "sleep", "9999").stderr.count(said) == 1
    mngr.run("destroy", "bare", "--yes")
    assert "no code" not in there.run(*words, "--no-code", "--dry-run").stdout
    assert "no code" not in mngr.run(*words, "--dry-run").stdout


def test_yes_says_it_on_standard_error(mngr: Cli) -> None:
    mngr.run("create", "brief@coder", "--provider", NAME, "--no-connect", "--", "sleep", "9999")
    mngr.run("exec", "brief", f"{WHO}; echo 2 >two; git add .; git commit -qm lost")
    done = mngr.run("destroy", "brief", "--yes")
    assert "note: brief has 1 commit never pulled, on trunk (newest: lost)" in done.stderr


def test_a_renamed_agent_s_ssh_login_has_its_name(mngr: Cli) -> None:
    logins = (
        "cut -d: -f1 /etc/passwd | grep -E '^(idler|lazy)$'; ls $MNGR_HOST_DIR/logins | grep -E 'idler|lazy'"
    )
    for former, name in (("idler", "lazy"), ("lazy", "idler")):
        mngr.run("rename", former, name)
        assert mngr.run("exec", name, logins).stdout == f"{name}\n{name}\n"


def test_a_host_that_cant_be_asked_says_so(mngr: Cli) -> None:
    [host] = mngr.json("list")["hosts"]
    container = f"mngr-{host['id']}"
    docker("stop", "-t", "1", container)
    try:
        said = mngr.run("destroy", "@coder", "--dry-run").stdout
        assert "coder couldn't be asked for unpulled commits: its host is stopped" in said
    finally:
        mngr.run("start", "coder")
    docker("exec", container, "sh", "-c", "mv /usr/bin/git /usr/bin/git.away")
    try:
        said = mngr.run("destroy", "@coder", "--dry-run").stdout
        assert "coder couldn't be asked for unpulled commits: git isn't installed there" in said
    finally:
        docker("exec", container, "sh", "-c", "mv /usr/bin/git.away /usr/bin/git")
