"""The build context's tar: what goes along and what .dockerignore keeps back."""

import io
import os
import tarfile
from pathlib import Path

import pytest

from mngr.containers.build_args import BuildArgs
from mngr.containers.build_context import OUTSIDE, Ignore, pack_context


def packed(build: BuildArgs) -> tuple[str, dict[str, tarfile.TarInfo]]:
    out = io.BytesIO()
    name = pack_context(build, out)
    out.seek(0)
    with tarfile.open(fileobj=out) as tar:
        members = tar.getmembers()
        assert (members[0].name, members[0].pax_headers) == (".", {})
        return name, {member.name: member for member in members[1:]}


@pytest.fixture
def top(tmp_path: Path) -> Path:
    top = tmp_path / "context"
    for path in (
        "Dockerfile",
        "a.txt",
        "b.log",
        "node_modules/x/y.js",
        "src/deep/keep.log",
        "src/deep/x.log",
    ):
        (top / path).parent.mkdir(parents=True, exist_ok=True)
        (top / path).write_text(path)
    (top / "src/run.sh").write_text("#!/bin/sh\n")
    (top / "src/run.sh").chmod(0o755)
    os.symlink("../a.txt", top / "src/link")
    return top


def test_everything_goes_along_owned_by_root(top: Path) -> None:
    name, members = packed(BuildArgs(context=str(top)))
    assert name == "Dockerfile"
    assert {"a.txt", "node_modules/x/y.js", "src/deep/keep.log"} <= members.keys()
    assert members["src/run.sh"].mode & 0o111
    assert members["src/link"].issym()
    assert {(one.uid, one.gid, one.uname) for one in members.values()} == {(0, 0, "")}


def test_dockerignore_keeps_back_and_takes_back(top: Path) -> None:
    (top / ".dockerignore").write_text("# comment\nnode_modules\n**/*.log\n!src/deep/keep.log\n\n/a.txt/\n")
    _, members = packed(BuildArgs(context=str(top)))
    assert set(members) == {
        "Dockerfile", ".dockerignore", "src", "src/run.sh", "src/link", "src/deep", "src/deep/keep.log",
    }  # fmt: skip


def test_dockerfile_and_dockerignore_go_along_even_if_ignored(top: Path) -> None:
    (top / ".dockerignore").write_text("*\n")
    assert set(packed(BuildArgs(context=str(top)))[1]) == {"Dockerfile", ".dockerignore"}


def test_a_dockerfile_outside_of_the_context_comes_under_a_name_of_ours(top: Path) -> None:
    outside = top.parent / "Other"
    outside.write_text("FROM scratch\n")
    name, members = packed(BuildArgs(context=str(top), dockerfile=str(outside)))
    assert name == OUTSIDE
    assert members[OUTSIDE].size == len("FROM scratch\n")
    assert "Dockerfile" in members


def test_a_dockerfile_s_own_ignore_file_counts(top: Path) -> None:
    (top / ".dockerignore").write_text("a.txt\n")
    (top / "Dockerfile.dockerignore").write_text("b.log\n")
    _, members = packed(BuildArgs(context=str(top)))
    assert "a.txt" in members
    assert "b.log" not in members


@pytest.mark.parametrize(
    ("pattern", "path", "out"),
    [
        ("*.log", "b.log", True),
        ("*.log", "src/b.log", False),
        ("**/*.log", "src/deep/b.log", True),
        ("**/*.log", "b.log", True),
        ("src", "src/deep/x", True),
        ("src/", "src/x", True),
        ("src", "srcs", False),
        ("?.txt", "a.txt", True),
        ("[a-c].txt", "b.txt", True),
        ("[a-c].txt", "d.txt", False),
        ("a/**/z", "a/z", True),
        ("a/**/z", "a/b/c/z", True),
        ("a/**", "a/b", True),
        ("./src", "src/x", True),
        (r"\!odd", "!odd", True),
        ("with space", "with space", True),
        ("☃*", "☃1", True),
    ],
)
def test_patterns(pattern: str, path: str, out: bool) -> None:
    assert Ignore([pattern]).matches(path) is out


def test_the_last_matching_pattern_decides() -> None:
    assert not Ignore(["*.md", "!README*.md"]).matches("README.md")
    assert Ignore(["!README.md", "*.md"]).matches("README.md")
