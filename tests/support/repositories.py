"""Git repositories for tests, made with the real git."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

WHO = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "protocol.file.allow=always")


def git(top: Path, *args: str) -> str:
    done = subprocess.run(["git", "-C", str(top), *WHO, *args], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.rstrip("\n")


def commit(top: Path, name: str, text: str = "x") -> str:
    (top / name).parent.mkdir(parents=True, exist_ok=True)
    (top / name).write_text(text)
    git(top, "add", "-A")
    git(top, "commit", "-qm", f"adds {name}")
    return git(top, "rev-parse", "HEAD")


def repository(top: Path, *options: str) -> Path:
    top.mkdir(parents=True, exist_ok=True)
    git(top, "init", "-q", "-b", "trunk", *options, ".")
    return top


def listing(top: Path) -> dict[str, str]:
    """Every file below `top` outside .git: path → text, or → and what a link shows."""
    found: dict[str, str] = {}
    for folder, folders, files in os.walk(top):
        folders[:] = [name for name in folders if name != ".git"]
        for name in [*files, *(name for name in folders if (Path(folder) / name).is_symlink())]:
            path = Path(folder) / name
            if name == ".git":
                continue
            text = f"→{os.readlink(path)}" if path.is_symlink() else path.read_text()
            found[os.fsencode(path.relative_to(top)).decode(errors="backslashreplace")] = text
    return found


def same(here: Path, there: Path) -> None:
    """As `git status` and the files have it, the one is as the other."""
    assert listing(there) == listing(here)
    assert git(there, "status", "--porcelain", "--branch") == git(here, "status", "--porcelain", "--branch")
    assert git(there, "fsck", "--no-progress", "--no-dangling") == ""
