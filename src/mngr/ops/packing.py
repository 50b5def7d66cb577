"""A part of what travels, as a folder of files: a pack of what HEAD, the tags that it reaches and the index need, and
uncommitted and untracked files on top; so a worktree or a submodule, whose `.git` is a file that points elsewhere, arrives
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
from mngr.ops.parts import Part


def pack(part: Part, folder: Path) -> None:
    """Writes what code-receive.sh makes of a part into a new folder."""
    folder.mkdir()
    (folder / "path").write_bytes(os.fsencode(part.path or "."))
    if part.kind:
        _pack_repository(part, folder)
    if part.gone:
        (folder / "gone").write_bytes(b"".join(os.fsencode(path) + b"\0" for path in part.gone))
    if part.files:
        _tar(folder / "files.tar", part)


def _pack_repository(part: Part, folder: Path) -> None:
    # The agent's own repository is on a branch, whatever is here; a nested one is as it is here.
    reference = part.reference or ("" if part.path else "refs/heads/main")
    refs = _refs(part, reference) if part.commit else []
    head = (reference or part.commit) if part.commit else part.reference
    (folder / "head").write_bytes(os.fsencode(head))
    (folder / "tree").write_text(_pack_objects(part, [oid for _, oid in refs], folder / "pack"))
    (folder / "refs").write_bytes(b"".join(os.fsencode(f"create {ref} {oid}\n") for ref, oid in refs))
    (folder / "format").write_text("" if part.format == "sha1" else part.format)
    (folder / "config").write_bytes(os.fsencode("".join(_setting(*pair) for pair in part.settings)))
    for flag, paths in part.flags.items():
        (folder / flag).write_bytes(b"".join(os.fsencode(path) + b"\0" for path in paths))
    (folder / "info").mkdir()
    for name, file in part.info.items():
        (folder / name).write_bytes(file.read_bytes())
    if part.shallow:
        _shallow(part, folder / "shallow")


def _refs(part: Part, reference: str) -> list[tuple[str, str]]:
    """The refs to make there, each with its object: HEAD's branch, the tags that HEAD reaches, what was sent."""
    tags = ("for-each-ref", "--merged", part.commit, "--format=%(refname) %(objectname)", "refs/tags")
    refs = [(reference, part.commit)] if reference else []
    refs += [(line.split(" ")[0], line.split(" ")[1]) for line in git.text(part.top, *tags).splitlines()]
    return [*refs, ("refs/mngr/base", part.commit)]


def _pack_objects(part: Part, oids: Sequence[str], prefix: Path) -> str:
    """Writes one pack with these objects and what the index needs. Returns the index's tree."""
    with tempfile.TemporaryDirectory(prefix="mngr-objects-") as objects:
        # The index's tree is made beside the repository, which stays as it is, and may be locked by another git. Grafts are
        # nobody else's.
        beside = {
            "GIT_OBJECT_DIRECTORY": objects,
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": _quoted(os.path.realpath(part.top / part.objects)),
            "GIT_GRAFT_FILE": os.devnull,
            "GIT_INDEX_FILE": os.path.join(objects, "index"),
        }
        with contextlib.suppress(FileNotFoundError):  # nothing was ever staged
            shutil.copyfile(part.top / part.index, beside["GIT_INDEX_FILE"])
        if part.kind == "tree" and not part.unmerged:
            tree = git.text(part.top, "write-tree", env=beside)
        else:
            tree = git.text(part.top, "rev-parse", "-q", "--verify", "HEAD^{tree}", check=False)
        wanted = dict.fromkeys([*oids, *([tree] if tree else [])])
        # One pack, written to disk: its size is nobody's memory.
        git.text(
            part.top, "-c", "pack.packSizeLimit=0", "pack-objects", "-q", "--revs", "--delta-base-offset",
            str(prefix), input="".join(f"{one}\n" for one in wanted).encode(), env=beside,
        )  # fmt: skip
    return tree


def _shallow(part: Part, file: Path) -> None:
    """Where the history of HEAD ends in a shallow clone; not that of what else is there."""
    known = set(git.text(part.top, "rev-list", part.commit).split()) if part.commit else set[str]()
    ends = (part.top / part.shallow).read_text().split()
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


def _tar(file: Path, part: Part) -> None:
    # In GNU's format names are bytes, whatever they are, and BusyBox reads it.
    with tarfile.open(file, "w", format=tarfile.GNU_FORMAT) as tar:
        for path in part.files:
            try:
                tar.add(part.top / path, path, recursive=False)
            except FileNotFoundError:  # it was removed a moment ago
                continue
            except OSError as error:
                raise MngrError(
                    f"{part.top / path} couldn't be read: {error}",
                    hint="did it change meanwhile? Run it again",
                ) from None
