"""The build context as a tar stream for `docker build -`, less what `.dockerignore` names.

After https://docs.docker.com/build/concepts/context/#dockerignore-files: the last matching pattern decides, `!` takes
back, `**` matches any number of directories, a pattern that matches a directory matches all below it.
"""

import os
import re
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from mngr.containers.build_args import BuildArgs, dockerfile_path
from mngr.model.errors import InvalidInput

#: What a Dockerfile from outside of the context is called inside the tar.
OUTSIDE = ".mngr.Dockerfile"


def pack_context(build: BuildArgs, out: BinaryIO) -> str:
    """Writes the local context as a tar; returns the Dockerfile's name in it. Raises InvalidInput on unreadable files."""
    top = Path(build.context)
    dockerfile = dockerfile_path(build)
    ignore = Ignore(_patterns(top, dockerfile))
    inside = _inside(top, dockerfile)
    name = inside or OUTSIDE
    try:
        with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
            tar.addfile(_top())
            for path in _walk(top, "", ignore):
                # Docker always sends Dockerfile and .dockerignore, also when they are ignored.
                if path not in (inside, ".dockerignore"):
                    tar.add(top / path, path, recursive=False, filter=_plain)
            tar.add(os.path.realpath(dockerfile), name, recursive=False, filter=_plain)
            if (top / ".dockerignore").is_file():
                tar.add(top / ".dockerignore", ".dockerignore", recursive=False, filter=_plain)
    except OSError as error:
        raise InvalidInput(
            f"build context: {error.filename or top} can't be read: {error.strerror}",
            hint="make it readable, or name it in .dockerignore",
        ) from None
    return name


def _top() -> tarfile.TarInfo:
    """The first entry: its header stands in one block, which is all that the daemon looks at to tell a tar from a
    Dockerfile (an extended header, as for a long name, would be taken for a Dockerfile)."""
    top = tarfile.TarInfo("./")
    top.type, top.mode = tarfile.DIRTYPE, 0o755
    return top


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """As docker sends it: owned by root; sockets are left out (tarfile does), devices too."""
    if entry.ischr() or entry.isblk():
        return None
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mtime = int(entry.mtime)
    return entry


def _inside(top: Path, dockerfile: Path) -> str:
    """The Dockerfile's path in the context, "" if it is outside."""
    try:
        return (
            (dockerfile.parent.resolve() / dockerfile.name).relative_to(top.resolve()).as_posix()
            if not dockerfile.is_symlink()
            else ""
        )
    except ValueError:
        return ""


def _patterns(top: Path, dockerfile: Path) -> list[str]:
    """The lines of `<Dockerfile>.dockerignore` if it is there, else of the context's `.dockerignore`."""
    for file in (dockerfile.with_name(dockerfile.name + ".dockerignore"), top / ".dockerignore"):
        try:
            lines = file.read_text(encoding="utf-8-sig").splitlines()
        except FileNotFoundError:
            continue
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInput(f"{file} can't be read: {error}") from None
        return [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    return []


def _walk(top: Path, folder: str, ignore: "Ignore") -> list[str]:
    """Paths below `folder` that go along, directories before what is in them."""
    found: list[str] = []
    for entry in sorted(os.scandir(top / folder), key=lambda one: one.name):
        path = f"{folder}/{entry.name}" if folder else entry.name
        ignored = ignore.matches(path)
        if not ignored:
            found.append(path)
        if entry.is_dir(follow_symlinks=False) and (not ignored or ignore.takes_back):
            below = _walk(top, path, ignore)
            found += [path, *below] if ignored and below else below
    return found


class Ignore:
    """The patterns of a .dockerignore."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self.rules = [_rule(pattern) for pattern in patterns]
        self.takes_back = any(not ignored for _, ignored in self.rules)

    def matches(self, path: str) -> bool:
        """Whether `path` (relative, with `/`) is left out."""
        out = False
        for pattern, ignored in self.rules:
            if pattern.match(path):
                out = ignored
        return out


def _rule(text: str) -> tuple[re.Pattern[str], bool]:
    ignored = not text.startswith("!")
    pattern = os.path.normpath(text.removeprefix("!").strip()).strip("/")
    return re.compile(_regex(pattern) + r"(?:/.*)?\Z", re.DOTALL), ignored


def _regex(pattern: str) -> str:
    """Go's filepath.Match with `**`, as a regular expression."""
    out, at = "", 0
    while at < len(pattern):
        char = pattern[at]
        if pattern.startswith("**/", at):
            out, at = out + r"(?:.*/)?", at + 3
        elif pattern.startswith("**", at):
            out, at = out + r".*", at + 2
        elif char == "*":
            out, at = out + r"[^/]*", at + 1
        elif char == "?":
            out, at = out + r"[^/]", at + 1
        elif char == "[" and (end := pattern.find("]", at + 2)) > 0:
            inside = pattern[at + 1 : end].replace("\\", "\\\\")
            out, at = out + "[" + inside + "]", end + 1
        elif char == "\\" and at + 1 < len(pattern):
            out, at = out + re.escape(pattern[at + 1]), at + 2
        else:
            out, at = out + re.escape(char), at + 1
    return out
