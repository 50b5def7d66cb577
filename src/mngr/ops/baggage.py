"""What of a directory travels to a host: each git repository in it as it is, and files that are in none.

Nothing is left out in silence: what can't travel is in a part's `notes`, or InvalidInput is raised before anything is made.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from mngr.model.errors import InvalidInput
from mngr.ops import git
from mngr.ops.filters import hold_back
from mngr.ops.notes import NoRepository, PartOfRepository, RepositoryLeft, SubmoduleEmpty
from mngr.ops.parts import Part, is_file, of_repository


def look(source: Path) -> list[Part]:
    """What travels of `source`: the repository whose top it is (or that it is, if it is a bare one), else its files alone.
    A repository comes before those that lie in it.

    Changes nothing, but for a partial clone, which is made whole. Raises InvalidInput if something can't be read.
    """
    parts = list(_with_nested(_first(source)))
    for part in parts:
        for path in part.files:
            file = part.top / path
            if not os.access(file, os.R_OK, follow_symlinks=False) and not file.is_symlink():
                raise InvalidInput(
                    f"{file} can't be read", hint="let .gitignore name it, make it readable, or --no-code"
                )
    return parts


def _first(source: Path) -> Part:
    top = git.repository(source)
    if top is None and git.bare(source):
        return of_repository(source, "", kind="bare")
    if top is None:
        if git.is_git_dir(source):
            raise InvalidInput(
                f"{source} is the inside of a git repository", hint="--from takes its work tree"
            )
        part = _folder(source)
        part.notes.append(NoRepository(path=str(source)))
    elif top.resolve() == source.resolve():
        part = of_repository(top, "")
    else:
        ignored = git.is_set(source, "check-ignore", "-q", ".")
        part = _folder(source) if ignored else _subdirectory(source)
        part.notes.append(PartOfRepository(path=str(source), top=str(top)))
    return part


def _subdirectory(source: Path) -> Part:
    """A directory in a repository, asked for by name: what git would commit of it, and no more than that."""
    part = Part(source, "")
    listed = git.words(source, "ls-files", "-z", "-c", "-o", "--exclude-standard")
    staged = git.words(source, "ls-files", "-z", "-s")
    linked = {line.partition("\t")[2] for line in staged if line.startswith("160000 ")}
    files = [path for path in dict.fromkeys(listed) if path not in linked and is_file(source, path)]
    part.files, part.notes = hold_back(source, files, [], git.config(source), repository=False)
    part.nested = [*sorted(linked), *(path for path in listed if path.endswith("/"))]
    return part


def _folder(source: Path) -> Part:
    """A directory in no repository: all of it; the repositories in it as such."""
    part = Part(source, "")

    def refuse(error: OSError) -> None:
        raise InvalidInput(f"{error.filename} can't be read: {error.strerror}", hint="or --no-code")

    for folder, folders, files in os.walk(source, onerror=refuse):
        at = os.path.relpath(folder, source)
        for name in sorted(folders):
            path = os.path.normpath(os.path.join(at, name))
            if os.path.lexists(source / path / ".git") and git.own_top(source / path):
                part.nested.append(path)
                folders.remove(name)
            else:
                part.files.append(path)
        part.files += [os.path.normpath(os.path.join(at, name)) for name in sorted(files)]
    part.files = [path for path in part.files if _is_sendable(source / path)]
    return part


def _with_nested(part: Part) -> Iterator[Part]:
    """A part, and the repositories in it, each as what it is."""
    yield part
    common = git.common(part.top) if part.kind and part.nested else ""
    for path in dict.fromkeys(path.rstrip("/") for path in part.nested):
        inner = part.top / path
        if not os.path.lexists(inner / ".git"):
            part.notes.append(SubmoduleEmpty(path=str(inner)))
        elif not git.own_top(inner):
            part.notes.append(RepositoryLeft(path=str(inner)))
        elif common and git.common(inner) == common:
            part.notes.append(RepositoryLeft(path=str(inner), worktree_of=str(part.top)))
        else:
            yield from _with_nested(of_repository(inner, os.path.join(part.path, path)))


def _is_sendable(path: Path) -> bool:
    """Whether a tar takes it: no sockets, pipes, devices."""
    return path.is_symlink() or path.is_dir() or path.is_file()
