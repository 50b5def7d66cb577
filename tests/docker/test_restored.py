"""A snapshot's way back, through the command line: where its new agent stands, and by what name a snapshot is known."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.cli import Cli

from .conftest import RUN, clear
from .test_work import git

NAME = f"test-restored-{RUN}"
SLEEP = ("--no-connect", "--", "sleep", "9999")


@pytest.fixture(scope="module")
def mngr(image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    """A user in `sub` of a repository, whose host `own` has two agents there, and a third elsewhere; saved as X and in
    own.tar, of `own`."""
    folder = tmp_path_factory.mktemp("restored")
    top = folder / "repo"
    (top / "sub").mkdir(parents=True)
    git(top, "init", "-q", "-b", "trunk", ".")
    (top / "sub" / "file").write_text("one\n")
    git(top, "add", ".")
    git(top, "commit", "-qm", "first")
    mngr = Cli(folder / "home", cwd=top / "sub")
    mngr.home.mkdir()
    (mngr.home / "config.toml").write_text(
        f'[providers.{NAME}]\nbackend = "docker"\ndefault_image = "{image}"\n'
        f'[providers.{NAME}-b]\nbackend = "docker"\nhost_dir = "/srv/mngr"\n'
    )
    try:
        mngr.run("create", "own", "--provider", NAME, "--no-code", *SLEEP)
        mngr.run("destroy", "own", "--yes")
        mngr.run("create", f"first@own.{NAME}", "--no-code", *SLEEP)
        mngr.run("create", "own@own", *SLEEP)
        mngr.run("create", "second@own", "--workdir", "/srv/second", *SLEEP)
        mngr.run("snapshot", "create", "own", "--name", "X", "--to", "own.tar")
        yield mngr
        assert mngr.run("snapshot", "destroy", "X", "--yes").stdout.startswith("destroyed snap-")
    finally:
        clear(NAME)
        clear(f"{NAME}-b")


@pytest.mark.parametrize(
    ("name", "on", "words", "stands"),
    [
        ("copy", "", ("--snapshot", "X"), "/mngr/work/own/sub"),
        ("copy", "", ("--snapshot", "X", "--workdir", "/mngr/work/own"), "/mngr/work/own"),
        ("copy", "-b", ("--snapshot", "own.tar", "--no-code"), "/srv/mngr/work/own/sub"),
        ("second", "-b", ("--snapshot", "own.tar"), "/srv/second/sub"),
        ("own", "-b", ("--snapshot", "own.tar", "--from", "."), "/srv/mngr/work/own-new"),
    ],
)
def test_a_restored_agent_stands_in_the_code(
    mngr: Cli, name: str, on: str, words: tuple[str, ...], stands: str
) -> None:
    at = f"{name}@copy"
    mngr.run("create", at, "--provider", f"{NAME}{on}", *words, *SLEEP)
    try:
        found = "sub" if stands.endswith("work/own") else "file"
        assert mngr.run("exec", at, f"pwd; ls -d {found}").stdout == f"{stands}\n{found}\n"
        # The former agents don't come to life a second time.
        rows = mngr.json("list")["agents"]
        assert [one["name"] for one in rows if one["host"]["name"] == "copy"] == [name]
    finally:
        mngr.run("destroy", at, "--yes")


def test_a_snapshot_is_known_by_its_name_too(mngr: Cli) -> None:
    [row] = mngr.json("snapshot", "list")["snapshots"]
    assert row["name"] == "X"
    mngr.run("create", "named", "--provider", f"{NAME}-b", "--snapshot", "X", *SLEEP)
    try:
        assert mngr.run("exec", "named", "pwd").stdout == "/srv/mngr/work/own/sub\n"
        other = mngr.json("snapshot", "create", "named", "--name", "X")["snapshot"]["id"]
        said = mngr.run("snapshot", "destroy", "X", "--yes", code=4).stderr
        assert "2 snapshots are called X" in said
        assert row["id"] in said
        assert other in said
        done = mngr.json("snapshot", "destroy", other, other, "--yes")
        assert done == {"destroyed": [{"id": other, "name": "X", "done": "destroyed"}]}
    finally:
        mngr.run("destroy", "named", "--yes")
    would = mngr.json("snapshot", "destroy", "X", row["id"], "--dry-run")
    assert would == {"would_destroy": [{"id": row["id"], "name": "X", "done": "would_destroy"}]}
    assert "there is no snapshot or file Y" in mngr.run("snapshot", "destroy", "Y", "--yes", code=3).stderr


def test_snapshots_of_another_home_are_listed_on_request(mngr: Cli) -> None:
    other = Cli(mngr.home.parent / "other", cwd=mngr.cwd)
    other.home.mkdir()
    (other.home / "config.toml").write_text((mngr.home / "config.toml").read_text())
    assert other.run("snapshot", "list").stdout == "no snapshots\n"
    other.run("snapshot", "destroy", "X", "--yes", code=3)
    other.env[f"MNGR__PROVIDERS__{NAME.upper().replace('-', '_')}__EVERY_LAPTOP"] = "true"
    assert [one["name"] for one in other.json("snapshot", "list")["snapshots"]] == ["X"]
