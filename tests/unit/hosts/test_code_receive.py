"""code-receive.sh by itself: one at a time, into a directory that may be a mount point."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import tarfile
import time
from pathlib import Path

import pytest

from mngr.hosts import scripts


def tar(files: dict[str, str]) -> bytes:
    def pack(content: dict[str, bytes]) -> bytes:
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w") as archive:
            for name, data in content.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))
        return out.getvalue()

    return pack({"0/path": b".", "0/files.tar": pack({name: text.encode() for name, text in files.items()})})


def receive(directory: Path, *before: str) -> subprocess.Popen[bytes]:
    words = [
        *before,
        "sh",
        "-c",
        scripts.text("code-receive"),
        "code-receive",
        str(directory),
        "",
    ]
    return subprocess.Popen(words, stdin=subprocess.PIPE, stderr=subprocess.PIPE)


def finish(process: subprocess.Popen[bytes], data: bytes) -> tuple[int, str]:
    _, said = process.communicate(data, timeout=60)
    return process.returncode, said.decode()


def names(directory: Path) -> list[str]:
    return sorted(os.listdir(directory))


def test_two_at_once_dont_mix(tmp_path: Path) -> None:
    work = tmp_path / "work"
    first = receive(work)
    end = time.monotonic() + 30
    while not (work / ".mngr-receiving").exists():
        assert time.monotonic() < end
        time.sleep(0.01)
    second = receive(work)
    assert second.stdin
    second.stdin.write(tar({"b": "second"}))
    second.stdin.close()
    with contextlib.suppress(subprocess.TimeoutExpired):  # time for what it must not do
        second.wait(1)
    assert finish(first, tar({"a": "first"})) == (0, "")
    assert second.wait(60) == 4
    assert second.stderr
    assert b"isn't empty" in second.stderr.read()
    assert names(work) == ["a"]


def test_a_try_that_was_cut_short_is_laid_anew(tmp_path: Path) -> None:
    work = tmp_path / "work"
    code, _ = finish(receive(work), tar({"a": "x" * 100_000})[:50_000])
    assert code
    (work / "half").write_text("of the former try")
    assert finish(receive(work), tar({"a": "whole"})) == (0, "")
    assert (names(work), (work / "a").read_text()) == (["a"], "whole")


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_is_there_already_stays(tmp_path: Path, kind: str) -> None:
    work = tmp_path / "work"
    if kind == "folder":
        work.mkdir()
    (work if kind == "file" else work / "mine").write_text("mine")
    code, said = finish(receive(work), tar({"a": "x"}))
    assert (code, "isn't empty" in said) == (4, True)
    assert (work if kind == "file" else work / "mine").read_text() == "mine"


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_a_mount_point_is_a_place_like_any_other(tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    mounted = (
        f'mount -t tmpfs none {work} && touch {work}/.mngr-receiving && "$@" && ls -A {work} >{tmp_path}/ls'
    )
    process = receive(work, "unshare", "--mount", "sh", "-c", mounted, "sh")
    assert finish(process, tar({"a": "x"})) == (0, "")
    assert (tmp_path / "ls").read_text() == "a\n"
