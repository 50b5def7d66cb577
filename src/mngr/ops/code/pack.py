"""A tree as a folder of files, which code-receive.sh lays out: one git pack with what HEAD, its tags and the index need, and
a tar of uncommitted and untracked files. A worktree or a submodule, whose `.git` is a file that points elsewhere, arrives
as a repository of its own."""

import contextlib
import os
import shutil
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

from mngr.model.errors import MngrError
from mngr.ops import git
from mngr.ops.code.tree import Tree


def pack(tree: Tree, folder: Path) -> None:
    """Writes a tree into a new folder, as code-receive.sh wants it."""
    folder.mkdir()
    (folder / "path").write_bytes(os.fsencode(tree.path or "."))
    if tree.kind:
        _pack_repository(tree, folder)
    if tree.gone:
        (folder / "gone").write_bytes(b"".join(os.fsencode(path) + b"\0" for path in tree.gone))
    if tree.files:
        _tar(folder / "files.tar", tree)


def _pack_repository(tree: Tree, folder: Path) -> None:
    # The agent's own repository is on a branch, whatever is here; a nested one is as it is here.
    reference = tree.reference or ("" if tree.path else "refs/heads/main")
    refs = _refs(tree, reference) if tree.commit else []
    head = (reference or tree.commit) if tree.commit else tree.reference
    (folder / "head").write_bytes(os.fsencode(head))
    (folder / "tree").write_text(_pack_objects(tree, [oid for _, oid in refs], folder / "pack"))
    (folder / "refs").write_bytes(b"".join(os.fsencode(f"create {ref} {oid}\n") for ref, oid in refs))
    (folder / "format").write_text("" if tree.format == "sha1" else tree.format)
    (folder / "config").write_bytes(os.fsencode("".join(_setting(*pair) for pair in tree.settings)))
    for flag, paths in tree.flags.items():
        (folder / flag).write_bytes(b"".join(os.fsencode(path) + b"\0" for path in paths))
    (folder / "info").mkdir()
    for name, file in tree.info.items():
        (folder / name).write_bytes(file.read_bytes())
    if tree.shallow:
        _shallow(tree, folder / "shallow")


def _refs(tree: Tree, reference: str) -> list[tuple[str, str]]:
    """The refs to make there, each with its object: HEAD's branch, the tags that HEAD reaches, what was sent."""
    tags = ("for-each-ref", "--merged", tree.commit, "--format=%(refname) %(objectname)", "refs/tags")
    refs = [(reference, tree.commit)] if reference else []
    refs += [(line.split(" ")[0], line.split(" ")[1]) for line in git.text(tree.top, *tags).splitlines()]
    return [*refs, ("refs/mngr/base", tree.commit)]


def _pack_objects(tree: Tree, oids: Sequence[str], prefix: Path) -> str:
    """Writes one pack with these objects and what the index needs. Returns the index's tree."""
    with tempfile.TemporaryDirectory(prefix="mngr-objects-") as objects:
        # The index's tree is made beside the repository, which stays as it is, and may be locked by another git. Grafts are
        # nobody else's.
        beside = {
            "GIT_OBJECT_DIRECTORY": objects,
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": _quoted(os.path.realpath(tree.top / tree.objects)),
            "GIT_GRAFT_FILE": os.devnull,
            "GIT_INDEX_FILE": os.path.join(objects, "index"),
        }
        with contextlib.suppress(FileNotFoundError):  # nothing was ever staged
            shutil.copyfile(tree.top / tree.index, beside["GIT_INDEX_FILE"])
        if tree.kind == "tree" and not tree.unmerged:
            staged = git.text(tree.top, "write-tree", env=beside)
        else:
            staged = git.text(tree.top, "rev-parse", "-q", "--verify", "HEAD^{tree}", check=False)
        wanted = dict.fromkeys([*oids, *([staged] if staged else [])])
        # One pack, written to disk: its size is nobody's memory.
        git.text(
            tree.top, "-c", "pack.packSizeLimit=0", "pack-objects", "-q", "--revs", "--delta-base-offset",
            str(prefix), input="".join(f"{one}\n" for one in wanted).encode(), env=beside,
        )  # fmt: skip
    return staged


def _shallow(tree: Tree, file: Path) -> None:
    """Where the history of HEAD ends in a shallow clone; not that of what else is there."""
    known = set(git.text(tree.top, "rev-list", tree.commit).split()) if tree.commit else set[str]()
    ends = (tree.top / tree.shallow).read_text().split()
    file.write_text("".join(f"{end}\n" for end in ends if end in known))


def _setting(key: str, value: str) -> str:
    """A line or two for a git config file."""
    section, _, rest = key.partition(".")
    between, _, name = rest.rpartition(".")
    between = between.replace("\\", "\\\\").replace('"', '\\"')
    value = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    header = f'{section} "{between}"' if between else section
    return f'[{header}]\n\t{name} = "{value}"\n'


def _quoted(path: str) -> str:
    """One path in a list of them, as git reads it."""
    escaped = path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"' if path.startswith('"') or ":" in path or "\n" in path else path


def _tar(file: Path, tree: Tree) -> None:
    # In GNU's format names are bytes, whatever they are, and BusyBox reads it.
    with tarfile.open(file, "w", format=tarfile.GNU_FORMAT) as tar:
        for path in tree.files:
            try:
                tar.add(tree.top / path, path, recursive=False)
            except FileNotFoundError:  # it was removed a moment ago
                continue
            except OSError as error:
                raise MngrError(
                    f"{tree.top / path} couldn't be read: {error}",
                    hint="did it change meanwhile? Run it again",
                ) from None
