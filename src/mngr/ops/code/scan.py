"""The trees of a directory that is sent to a host: each git repository in it, and files that are in none.

Nothing is left out in silence: what can't be sent is in a tree's `notes`, or InvalidInput is raised before anything is made.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from mngr.model.errors import InvalidInput
from mngr.ops import git
from mngr.ops.code.filters import hold_back
from mngr.ops.code.tree import Tree, is_file, of_repository
from mngr.ops.notes import NoRepository, PartOfRepository, RepositoryLeft, SubmoduleEmpty


def scan(source: Path) -> list[Tree]:
    """The trees of `source`: the repository whose top it is (or that it is, if it is a bare one), else its files alone.
    A repository comes before those nested in it.

    Changes nothing, but for a partial clone, which is made whole. Raises InvalidInput if something can't be read.
    """
    trees = list(_with_nested(_first(source)))
    for tree in trees:
        for path in tree.files:
            file = tree.top / path
            if not os.access(file, os.R_OK, follow_symlinks=False) and not file.is_symlink():
                raise InvalidInput(
                    f"{file} can't be read", hint="let .gitignore name it, make it readable, or --no-code"
                )
    return trees


def _first(source: Path) -> Tree:
    top = git.repository(source)
    if top is None and git.bare(source):
        return of_repository(source, "", kind="bare")
    if top is None:
        if git.is_git_dir(source):
            raise InvalidInput(
                f"{source} is the inside of a git repository", hint="--from takes its work tree"
            )
        tree = _folder(source)
        tree.notes.append(NoRepository(path=str(source)))
    elif top.resolve() == source.resolve():
        tree = of_repository(top, "")
    else:
        ignored = git.is_set(source, "check-ignore", "-q", ".")
        tree = _folder(source) if ignored else _subdirectory(source)
        tree.notes.append(PartOfRepository(path=str(source), top=str(top)))
    return tree


def _subdirectory(source: Path) -> Tree:
    """A directory in a repository, asked for by name: what git would commit of it, and no more than that."""
    tree = Tree(source, "")
    listed = git.words(source, "ls-files", "-z", "-c", "-o", "--exclude-standard")
    staged = git.words(source, "ls-files", "-z", "-s")
    linked = {line.partition("\t")[2] for line in staged if line.startswith("160000 ")}
    files = [path for path in dict.fromkeys(listed) if path not in linked and is_file(source, path)]
    tree.files, tree.notes = hold_back(source, files, [], git.config(source), repository=False)
    tree.nested = [*sorted(linked), *(path for path in listed if path.endswith("/"))]
    return tree


def _folder(source: Path) -> Tree:
    """A directory in no repository: all of it; the repositories in it as such."""
    tree = Tree(source, "")

    def refuse(error: OSError) -> None:
        raise InvalidInput(f"{error.filename} can't be read: {error.strerror}", hint="or --no-code")

    for folder, folders, files in os.walk(source, onerror=refuse):
        at = os.path.relpath(folder, source)
        for name in sorted(folders):
            path = os.path.normpath(os.path.join(at, name))
            if os.path.lexists(source / path / ".git") and git.own_top(source / path):
                tree.nested.append(path)
                folders.remove(name)
            else:
                tree.files.append(path)
        tree.files += [os.path.normpath(os.path.join(at, name)) for name in sorted(files)]
    tree.files = [path for path in tree.files if _is_sendable(source / path)]
    return tree


def _with_nested(tree: Tree) -> Iterator[Tree]:
    """A tree, and the repositories in it, each as what it is."""
    yield tree
    common = git.common(tree.top) if tree.kind and tree.nested else ""
    for path in dict.fromkeys(path.rstrip("/") for path in tree.nested):
        inner = tree.top / path
        if not os.path.lexists(inner / ".git"):
            tree.notes.append(SubmoduleEmpty(path=str(inner)))
        elif not git.own_top(inner):
            tree.notes.append(RepositoryLeft(path=str(inner)))
        elif common and git.common(inner) == common:
            tree.notes.append(RepositoryLeft(path=str(inner), worktree_of=str(tree.top)))
        else:
            yield from _with_nested(of_repository(inner, os.path.join(tree.path, path)))


def _is_sendable(path: Path) -> bool:
    """Whether a tar takes it: no sockets, pipes, devices."""
    return path.is_symlink() or path.is_dir() or path.is_file()
