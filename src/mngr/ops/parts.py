"""A part of what travels: one directory, and what of it; most often a git repository as it is (history, index, uncommitted
and untracked files)."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from mngr.model.errors import InvalidInput
from mngr.model.notes import Note
from mngr.ops import git
from mngr.ops.filters import hold_back
from mngr.ops.notes import Unmerged
from mngr.ops.partial_clone import make_whole

#: Where git keeps what belongs to a work tree and isn't committed; it travels as it is.
_INFO = ("info/exclude", "info/attributes", "info/sparse-checkout")

#: Settings of the user that decide what is committed; they hold there, too.
_SETTINGS = (
    "user.name", "user.email", "core.autocrlf", "core.eol", "core.safecrlf", "core.filemode", "core.symlinks",
    "core.sparsecheckout", "core.sparsecheckoutcone",
)  # fmt: skip


@dataclass
class Part:
    """One directory to lay out: `top` here, `path` below the target. Without `kind` files alone, in no repository.

    `kind`: "tree", or "bare", which has no work tree here. `files` lie on top of what the index has, `gone` is removed
    before. `flags`: files whose changes git was told not to see, by option of `git update-index`. `reference`: what HEAD is, "" if
    detached. `commit`: "" without one. `unmerged`: the index has conflicts. `nested`: where other repositories are in it.
    `notes`: what doesn't travel of it, or otherwise than one might think.
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


def of_repository(top: Path, path: str, kind: str = "tree") -> Part:
    """The repository whose top is `top`. Changes nothing, but for a partial clone, which is made whole."""
    part = Part(top, path, kind)
    config = git.config(top)
    _read_history(part, config)
    if kind == "bare":
        part.info.pop("info/sparse-checkout", None)
        part.settings = [pair for pair in part.settings if not pair[0].startswith("core.")]
    else:
        _read_work_tree(part, config)
    return part


def _read_history(part: Part, config: dict[str, str]) -> None:
    top = part.top
    shallow, part.format, part.objects, part.index, part.shallow, *info = _git_paths(top)
    part.shallow = part.shallow if shallow == "true" else ""
    part.info = {name: top / file for name, file in zip(_INFO, info, strict=True) if (top / file).is_file()}
    part.reference = git.text(top, "symbolic-ref", "-q", "HEAD", check=False)
    part.commit = git.text(top, "rev-parse", "-q", "--verify", "HEAD^{commit}", check=False)
    part.settings = [(key, config[key]) for key in _SETTINGS if config.get(key, "")]
    if part.commit:
        make_whole(top, part.commit, config)


def _read_work_tree(part: Part, config: dict[str, str]) -> None:
    top = part.top
    staged = [_Staged(line) for line in git.words(top, "ls-files", "-z", "-s", "-v")]
    part.unmerged = any(one.stage != "0" for one in staged)
    if part.unmerged:
        part.notes.append(Unmerged(path=str(top)))
    for one in staged:
        if one.flag and is_file(top, one.path):
            part.flags.setdefault(one.flag, []).append(one.path)
    links = {one.path for one in staged if one.mode == "160000"}
    linked = {one for one in links if (top / one).is_dir() and not (top / one).is_symlink()}
    differs = _differing(part) + sorted(
        links - linked
    )  # a submodule's place that something else took, or nothing
    untracked = git.words(top, "ls-files", "-z", "-o", "--exclude-standard")
    changed = [one for one in dict.fromkeys([*differs, *untracked]) if one not in linked]
    files = [one for one in changed if not one.endswith("/") and is_file(top, one)]
    part.files, notes = hold_back(top, files, [one.path for one in staged], config, repository=True)
    part.notes += notes
    # What comes replaces whatever the index has at its place, be that a folder or a link.
    gone = {above for one in differs if not is_file(top, one) for above in _gone(top, one)}
    part.gone = sorted({*gone, *part.files} - linked, key=os.fsencode)
    _name_submodules(part, linked)
    part.nested = [*sorted(linked), *(one for one in untracked if one.endswith("/"))]


def _differing(part: Part) -> list[str]:
    """Paths at which the work tree isn't what the index has, or may not be."""
    against = ["HEAD"] if part.unmerged and part.commit else []
    options = ("-z", "--name-only", "--no-renames", "--no-ext-diff", "--ignore-submodules=all")
    differs = git.words(part.top, "diff", *options, *against)
    return differs + [path for paths in part.flags.values() for path in paths]


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


def _name_submodules(part: Part, linked: set[str]) -> None:
    """Marks submodules that are checked out here as such, so that git there treats them as submodules, too."""
    if not linked or not (part.top / ".gitmodules").is_file():
        return
    done = git.run(
        part.top, "config", "-f", ".gitmodules", "-z", "--get-regexp", r"^submodule\..*\.path$"
    )  # fmt: skip
    for word in os.fsdecode(done.stdout).split("\0"):
        key, _, path = word.partition("\n")
        if path in linked and os.path.lexists(part.top / path / ".git"):
            part.settings.append((f"{key.removesuffix('.path')}.active", "true"))


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
