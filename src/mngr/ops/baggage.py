"""What of a directory travels to a host: each git repository in it as it is (history, index, uncommitted and untracked
files), and files that are in none.

Nothing is left out in silence: what can't travel is in `Baggage.notes`, or InvalidInput is raised before anything is made.
"""

import os
from dataclasses import dataclass, field
from pathlib import Path

from mngr.model.errors import InvalidInput
from mngr.ops import git

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
    before. `flags`: files whose changes git was told not to see, by option of `git update-index`. `reference`: what HEAD is, "" if detached. `commit`: "" without one. `unmerged`: the index has conflicts.
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


@dataclass
class Baggage:
    """All parts, a repository before those that lie in it."""

    parts: list[Part] = field(default_factory=list[Part])
    notes: list[str] = field(default_factory=list[str])


def look(source: Path) -> Baggage:
    """What travels of `source`: the repository whose top it is (or that it is, if it is a bare one), else its files alone.

    Changes nothing, but for a partial clone, which is made whole. Raises InvalidInput if something can't be read.
    """
    found = Baggage()
    top = git.repository(source)
    if top is None and git.bare(source):
        _repository(found, source, "", kind="bare")
    elif top is None:
        if git.is_git_dir(source):
            raise InvalidInput(
                f"{source} is the inside of a git repository", hint="--from takes its work tree"
            )
        _folder(found, source)
        found.notes.append(
            f"{source} isn't a git repository: its files were copied, `mngr pull` won't have a branch"
        )
    elif top.resolve() == source.resolve():
        _repository(found, top, "")
    else:
        _subdirectory(found, source, top)
    for part in found.parts:
        for path in part.files:
            file = part.top / path
            if not os.access(file, os.R_OK, follow_symlinks=False) and not file.is_symlink():
                raise InvalidInput(
                    f"{file} can't be read", hint="let .gitignore name it, make it readable, or --no-code"
                )
    return found


def _subdirectory(found: Baggage, source: Path, top: Path) -> None:
    """A directory in a repository, asked for by name: what git would commit of it, and no more than that."""
    part = Part(source, "")
    found.parts.append(part)
    if git.is_set(source, "check-ignore", "-q", "."):
        found.parts.clear()
        _folder(found, source)
    else:
        listed = git.words(source, "ls-files", "-z", "-c", "-o", "--exclude-standard")
        staged = git.words(source, "ls-files", "-z", "-s")
        linked = {line.partition("\t")[2] for line in staged if line.startswith("160000 ")}
        part.files = [path for path in dict.fromkeys(listed) if path not in linked and _is_file(source, path)]
        _hold_back(found, part, _config(source), [])
        _nested(found, part, [*linked, *(path for path in listed if path.endswith("/"))])
    found.notes.append(
        f"{source} is a part of the repository {top}: its files were copied without history, `mngr pull` won't have "
        "a branch; `create` from within it, without --from, brings the repository and begins there"
    )


def _folder(found: Baggage, source: Path) -> None:
    """A directory in no repository: all of it; the repositories in it as such."""
    part = Part(source, "")
    found.parts.append(part)
    nested: list[str] = []

    def refuse(error: OSError) -> None:
        raise InvalidInput(f"{error.filename} can't be read: {error.strerror}", hint="or --no-code")

    for folder, folders, files in os.walk(source, onerror=refuse):
        at = os.path.relpath(folder, source)
        for name in sorted(folders):
            path = os.path.normpath(os.path.join(at, name))
            if os.path.lexists(source / path / ".git") and git.own_top(source / path):
                nested.append(path)
                folders.remove(name)
            else:
                part.files.append(path)
        part.files += [os.path.normpath(os.path.join(at, name)) for name in sorted(files)]
    part.files = [path for path in part.files if _is_sendable(source / path)]
    _nested(found, part, nested)


def _repository(found: Baggage, top: Path, path: str, kind: str = "tree") -> None:
    part = Part(top, path, kind)
    found.parts.append(part)
    shallow, part.format, part.objects, part.index, part.shallow, *info = _git_paths(top)
    part.shallow = part.shallow if shallow == "true" else ""
    part.info = {name: top / file for name, file in zip(_INFO, info, strict=True) if (top / file).is_file()}
    part.reference = git.text(top, "symbolic-ref", "-q", "HEAD", check=False)
    part.commit = git.text(top, "rev-parse", "-q", "--verify", "HEAD^{commit}", check=False)
    config = _config(top)
    part.settings = [(key, config[key]) for key in _SETTINGS if config.get(key, "")]
    if part.commit:
        _make_whole(part, config)
    if kind == "bare":
        part.info.pop("info/sparse-checkout", None)
        part.settings = [pair for pair in part.settings if not pair[0].startswith("core.")]
        return
    staged = [_Staged(line) for line in git.words(top, "ls-files", "-z", "-s", "-v")]
    part.unmerged = any(one.stage != "0" for one in staged)
    if part.unmerged:
        found.notes.append(
            f"{top} has conflicts that aren't resolved: its files come as they are, as uncommitted changes"
        )
    for one in staged:
        if one.flag and _is_file(top, one.path):
            part.flags.setdefault(one.flag, []).append(one.path)
    against = ["HEAD"] if part.unmerged and part.commit else []
    differs = git.words(
        top, "diff", "-z", "--name-only", "--no-renames", "--no-ext-diff", "--ignore-submodules=all", *against
    )
    untracked = git.words(top, "ls-files", "-z", "-o", "--exclude-standard")
    differs += [path for paths in part.flags.values() for path in paths]
    links = {one.path for one in staged if one.mode == "160000"}
    linked = {one for one in links if (top / one).is_dir() and not (top / one).is_symlink()}
    differs += sorted(links - linked)  # a submodule's place that something else took, or nothing
    changed = [one for one in dict.fromkeys([*differs, *untracked]) if one not in linked]
    part.files = [one for one in changed if not one.endswith("/") and _is_file(top, one)]
    _hold_back(found, part, config, [one.path for one in staged])
    # What comes replaces whatever the index has at its place, be that a folder or a link.
    gone = {above for one in differs if not _is_file(top, one) for above in _gone(top, one)}
    part.gone = sorted({*gone, *part.files} - linked, key=os.fsencode)
    _name_submodules(part, linked)
    _nested(found, part, [*linked, *(one for one in untracked if one.endswith("/"))])


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


def _config(top: Path) -> dict[str, str]:
    """The settings that hold in `top`; sections and keys in lower case. One without a value is true."""
    found: dict[str, str] = {}
    for word in git.words(top, "config", "-z", "--list"):
        key, line_end, value = word.partition("\n")
        found[key] = value if line_end else "true"
    return found


def _make_whole(part: Part, config: dict[str, str]) -> None:
    """Fetches what a partial clone left with its remote: on the way it would be asked for one by one, or too late."""
    remotes = [
        key[len("remote.") : -len(".promisor")]
        for key, value in config.items()
        if key.startswith("remote.") and key.endswith(".promisor") and value == "true"
    ]
    remote = config.get("extensions.partialclone", "") or next(iter(remotes), "")
    if remote:
        # What a folder that was lacking names may be lacking, too.
        while lacking := git.missing(part.top, [part.commit]):
            git.fetch_missing(part.top, remote, lacking)


def _hold_back(found: Baggage, part: Part, config: dict[str, str], tracked: list[str]) -> None:
    """Leaves out files that git stores in another form than they have here: there is no such filter on the host, where
    what is secret here would be committed open."""
    drivers = {
        key.split(".", 1)[1].rpartition(".")[0]
        for key, value in config.items()
        if key.startswith("filter.") and key.rpartition(".")[2] in ("clean", "smudge", "process") and value
    }
    if not drivers:
        return
    asked = list(dict.fromkeys([*part.files, *tracked]))
    answers = git.words(
        part.top, "check-attr", "-z", "--stdin", "filter",
        input=b"".join(os.fsencode(one) + b"\0" for one in asked),
    )  # fmt: skip
    driven = {
        path: driver for path, driver in zip(answers[::3], answers[2::3], strict=True) if driver in drivers
    }
    held = [one for one in part.files if one in driven]
    part.files = [one for one in part.files if one not in driven]
    names = ", ".join(sorted(set(driven.values())))
    if held:
        left = "they stay as the index has them, new ones behind" if part.kind else "they stay behind"
        found.notes.append(
            f"filter {names}: changes in {_some(held)} weren't brought, as they would be committed unfiltered there; {left}"
        )
    stored = [one for one in driven if one not in held]
    if stored:
        found.notes.append(
            f"filter {names}: {_some(stored)} {'is' if len(stored) == 1 else 'are'} there as git stores "
            f"{'it' if len(stored) == 1 else 'them'}, unfiltered"
        )


def _name_submodules(part: Part, linked: set[str]) -> None:
    """Marks submodules that are checked out here as such, so that git there treats them as submodules, too."""
    if not linked or not (part.top / ".gitmodules").is_file():
        return
    done = git.run(
        "git", "-C", str(part.top), "config", "-f", ".gitmodules", "-z", "--get-regexp", r"^submodule\..*\.path$"
    )  # fmt: skip
    for word in os.fsdecode(done.stdout).split("\0"):
        key, _, path = word.partition("\n")
        if path in linked and os.path.lexists(part.top / path / ".git"):
            part.settings.append((f"{key.removesuffix('.path')}.active", "true"))


def _nested(found: Baggage, part: Part, paths: list[str]) -> None:
    """The repositories in `part`, each as what it is."""
    common = _common(part.top) if part.kind else ""
    for path in dict.fromkeys(path.rstrip("/") for path in paths):
        inner = part.top / path
        if not os.path.lexists(inner / ".git"):
            found.notes.append(
                f"submodule {inner} isn't checked out here, so it is empty there: git submodule update --init"
            )
        elif not git.own_top(inner):
            found.notes.append(f"{inner} wasn't brought: git can't read the repository there")
        elif common and _common(inner) == common:
            found.notes.append(f"{inner} wasn't brought: it is another worktree of {part.top}")
        else:
            _repository(found, inner, os.path.join(part.path, path))


def _common(top: Path) -> str:
    return os.path.realpath(top / git.text(top, "rev-parse", "--git-common-dir"))


def _is_file(top: Path, path: str) -> bool:
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


def _is_sendable(path: Path) -> bool:
    """Whether a tar takes it: no sockets, pipes, devices."""
    return path.is_symlink() or path.is_dir() or path.is_file()


def _some(paths: list[str]) -> str:
    if len(paths) == 1:
        return paths[0]
    return f"{len(paths)} files ({', '.join(paths[:3])}{', …' if len(paths) > 3 else ''})"
