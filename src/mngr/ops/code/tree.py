"""A tree that is sent to a host: one directory, most often a git repository with its history, index, uncommitted and
untracked files."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from mngr.model.errors import InvalidInput
from mngr.model.notes import Note
from mngr.ops import git
from mngr.ops.code.filters import hold_back
from mngr.ops.code.partial_clone import make_whole
from mngr.ops.notes import Unmerged

#: Where git keeps what belongs to a work tree and isn't committed; it is sent as it is.
_INFO = ("info/exclude", "info/attributes", "info/sparse-checkout")

#: Settings of the user that decide what is committed; they hold there, too.
_SETTINGS = (
    "user.name", "user.email", "core.autocrlf", "core.eol", "core.safecrlf", "core.filemode", "core.symlinks",
    "core.sparsecheckout", "core.sparsecheckoutcone",
)  # fmt: skip


@dataclass
class Tree:
    """One directory to lay out: `top` here, `path` below the target. Without `kind` files alone, in no repository.

    `kind`: "tree", or "bare", which has no work tree here. `files` lie on top of what the index has, `gone` is removed
    before. `flags`: files whose changes git was told not to see, by option of `git update-index`. `reference`: what HEAD is, "" if
    detached. `commit`: "" without one. `unmerged`: the index has conflicts. `nested`: where other repositories are in it.
    `notes`: what isn't sent of it, or otherwise than one might think.
    """

    top: Path
    path: str
    kind: str = ""
    files: list[str] = field(default_factory=list[str])
    gone: list[str] = field(default_factory=list[str])
    flags: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    reference: str = ""
    commit: str = ""
    format: str = "sha1"
    unmerged: bool = False
    objects: str = ""
    index: str = ""
    shallow: str = ""
    info: dict[str, Path] = field(default_factory=dict[str, Path])
    settings: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    nested: list[str] = field(default_factory=list[str])
    notes: list[Note] = field(default_factory=list[Note])


def of_repository(top: Path, path: str, kind: str = "tree") -> Tree:
    """The repository whose top is `top`. Changes nothing, but for a partial clone, which is made whole."""
    tree = Tree(top, path, kind)
    config = git.config(top)
    _read_history(tree, config)
    if kind == "bare":
        tree.info.pop("info/sparse-checkout", None)
        tree.settings = [pair for pair in tree.settings if not pair[0].startswith("core.")]
    else:
        _read_work_tree(tree, config)
    return tree


def _read_history(tree: Tree, config: dict[str, str]) -> None:
    top = tree.top
    shallow, tree.format, tree.objects, tree.index, tree.shallow, *info = _git_paths(top)
    tree.shallow = tree.shallow if shallow == "true" else ""
    tree.info = {name: top / file for name, file in zip(_INFO, info, strict=True) if (top / file).is_file()}
    tree.reference = git.text(top, "symbolic-ref", "-q", "HEAD", check=False)
    tree.commit = git.text(top, "rev-parse", "-q", "--verify", "HEAD^{commit}", check=False)
    tree.settings = [(key, config[key]) for key in _SETTINGS if config.get(key, "")]
    if tree.commit:
        make_whole(top, tree.commit, config)


def _read_work_tree(tree: Tree, config: dict[str, str]) -> None:
    top = tree.top
    staged = [_Staged(line) for line in git.words(top, "ls-files", "-z", "-s", "-v")]
    tree.unmerged = any(one.stage != "0" for one in staged)
    if tree.unmerged:
        tree.notes.append(Unmerged(path=str(top)))
    for one in staged:
        if one.flag and is_file(top, one.path):
            tree.flags.setdefault(one.flag, []).append(one.path)
    links = {one.path for one in staged if one.mode == "160000"}
    linked = {one for one in links if (top / one).is_dir() and not (top / one).is_symlink()}
    # In a submodule's place there may be something else, or nothing.
    differs = _differing(tree) + sorted(links - linked)
    untracked = git.words(top, "ls-files", "-z", "-o", "--exclude-standard")
    changed = [one for one in dict.fromkeys([*differs, *untracked]) if one not in linked]
    files = [one for one in changed if not one.endswith("/") and is_file(top, one)]
    tree.files, notes = hold_back(top, files, [one.path for one in staged], config, repository=True)
    tree.notes += notes
    # What comes replaces whatever the index has at its place, be that a folder or a link.
    gone = {above for one in differs if not is_file(top, one) for above in _gone(top, one)}
    tree.gone = sorted({*gone, *tree.files} - linked, key=os.fsencode)
    _name_submodules(tree, linked)
    tree.nested = [*sorted(linked), *(one for one in untracked if one.endswith("/"))]


def _differing(tree: Tree) -> list[str]:
    """Paths at which the work tree isn't what the index has, or may not be."""
    against = ["HEAD"] if tree.unmerged and tree.commit else []
    options = ("-z", "--name-only", "--no-renames", "--no-ext-diff", "--ignore-submodules=all")
    differs = git.words(tree.top, "diff", *options, *against)
    return differs + [path for paths in tree.flags.values() for path in paths]


class _Staged:
    """A line of `git ls-files -s -v`. `flag`: the option of `git update-index` that hides its changes, if one was given."""

    def __init__(self, line: str) -> None:
        facts, _, self.path = line.partition("\t")
        tag, self.mode, _, self.stage = facts.split(" ")
        self.flag = "assume-unchanged" if tag.islower() else "skip-worktree" if tag == "S" else ""


def _git_paths(top: Path) -> list[str]:
    words = ["--is-shallow-repository", "--show-object-format"]
    for path in ("objects", "index", "shallow", *_INFO):
        words += ["--git-path", path]
    lines = git.text(top, "rev-parse", *words).split("\n")
    if len(lines) != 5 + len(_INFO):
        raise InvalidInput(f"{top}: a line break in the path of a git directory can't be handled")
    return lines


def _name_submodules(tree: Tree, linked: set[str]) -> None:
    """Marks submodules that are checked out here as such, so that git there treats them as submodules, too."""
    if not linked or not (tree.top / ".gitmodules").is_file():
        return
    done = git.run(
        tree.top, "config", "-f", ".gitmodules", "-z", "--get-regexp", r"^submodule\..*\.path$"
    )  # fmt: skip
    for word in os.fsdecode(done.stdout).split("\0"):
        key, _, path = word.partition("\n")
        if path in linked and os.path.lexists(tree.top / path / ".git"):
            tree.settings.append((f"{key.removesuffix('.path')}.active", "true"))


def is_file(top: Path, path: str) -> bool:
    """Whether `path` is a file or a link here, itself: not what a link on the way to it shows."""
    whole = top / path
    return (whole.is_symlink() or (os.path.lexists(whole) and not whole.is_dir())) and not _through_link(
        top, path
    )


def _through_link(top: Path, path: str) -> bool:
    return any((top / above).is_symlink() for above in Path(path).parents if above != Path("."))


def _gone(top: Path, path: str) -> list[str]:
    """`path`, and the folders above it that are no folders here any more."""
    above = [str(one) for one in Path(path).parents if one != Path(".")]
    return [path, *(one for one in above if (top / one).is_symlink() or not (top / one).is_dir())]
