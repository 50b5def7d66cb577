"""Code on its way to a host, over the host's own (pinned) connection. (Its commits come back by pull.py.)

What travels is looked up by baggage.py. Here each repository becomes a folder of files: a pack of what HEAD, the tags
that it reaches and the index need, and uncommitted and untracked files on top; so a worktree or a submodule, whose `.git`
is a file that points elsewhere, arrives as a repository of its own. scripts/code-receive.sh lays them out there.
"""

import contextlib
import os
import select
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from mngr.hosts.scripts import script_failed
from mngr.model.errors import Conflict, MngrError, TimedOut, Unreachable
from mngr.ops import git
from mngr.ops.baggage import Part, look
from mngr.ops.git import LIMIT_S, keeper, repository
from mngr.ops.git import run as _run
from mngr.transport.base import SSH_FAILED, CommandFailed, Completed, Transport

__all__ = ["LIMIT_S", "STALL_S", "_run", "check", "keeper", "repository", "send"]

#: While code is sent, so many seconds may pass without a byte taken in there.
STALL_S = 120


def check(source: Path) -> list[str]:
    """What can't come of the code in `source`, or comes otherwise than one might think, as notes for the user. Raises
    InvalidInput if the code there can't be sent."""
    return look(source).notes


def send(transport: Transport, source: Path, target: str, subdirectory: str = "") -> list[str]:
    """Sends the code in `source` to the directory `target` of the host, and sees to it that `subdirectory` of that is
    there. Returns notes for the user.

    Raises Conflict if the target holds something else already, InvalidInput as `check`. Repeatable after being killed.
    """
    baggage = look(source)
    with tempfile.TemporaryDirectory(prefix="mngr-code-") as folder:
        work = Path(folder)
        for number, part in enumerate(baggage.parts):
            _pack(part, work / str(number))
        _stream(transport, work, target, subdirectory)
    return baggage.notes


def _pack(part: Part, folder: Path) -> None:
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
    refs: list[tuple[str, str]] = []
    if part.commit:
        # The agent's own repository is on a branch, whatever is here; a nested one is as it is here.
        reference = part.reference or ("" if part.path else "refs/heads/main")
        refs = [(reference, part.commit)] if reference else []
        tags = ("for-each-ref", "--merged", part.commit, "--format=%(refname) %(objectname)", "refs/tags")
        refs += [(line.split(" ")[0], line.split(" ")[1]) for line in git.text(part.top, *tags).splitlines()]
        refs.append(("refs/mngr/base", part.commit))
        (folder / "head").write_bytes(os.fsencode(reference or part.commit))
    else:
        (folder / "head").write_bytes(os.fsencode(part.reference))
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
        wanted = dict.fromkeys([*(commit for _, commit in refs), *([tree] if tree else [])])
        # One pack, written to disk: its size is nobody's memory.
        git.text(
            part.top, "-c", "pack.packSizeLimit=0", "pack-objects", "-q", "--revs", "--delta-base-offset",
            str(folder / "pack"), input="".join(f"{one}\n" for one in wanted).encode(), env=beside,
        )  # fmt: skip
    (folder / "tree").write_text(tree)
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


def _stream(transport: Transport, work: Path, target: str, subdirectory: str) -> None:
    """One round trip: the remote script reads a tar of `work` as it is written."""
    from mngr.hosts import scripts

    argv = transport.argv(["sh", "-c", scripts.text("code-receive"), "code-receive", target, subdirectory])
    late = TimedOut(
        f"sending the code to {target} on {transport.place} doesn't get on: nothing moved for {STALL_S} s, "
        f"or it didn't end within {LIMIT_S} s",
        hint="is the disk there full or slow, or the host overloaded? The command may be run again",
    )
    with tempfile.TemporaryFile() as said:
        remote = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said, bufsize=0
        )
        try:
            assert remote.stdin
            with contextlib.suppress(BrokenPipeError), remote.stdin:
                out: Any = _Moving(remote.stdin.fileno(), late)
                with tarfile.open(fileobj=out, mode="w|") as tar:
                    for path in sorted(work.iterdir()):
                        tar.add(path, path.name)
            code = remote.wait(LIMIT_S)
        except subprocess.TimeoutExpired:
            raise late from None
        finally:
            if remote.poll() is None:
                remote.kill()
                remote.wait()
        said.seek(0)
        done = Completed(code, b"", said.read())
    if code == SSH_FAILED:
        raise Unreachable(
            f"the connection to {transport.place} broke while the code was sent", hint="run it again"
        )
    if code == 4:
        raise Conflict(
            f"{target} on {transport.place} isn't empty",
            hint="--workdir chooses another directory, --no-code leaves it as it is",
        )
    if code == 5:
        raise Conflict(
            f"code is being sent to {target} on {transport.place} by another mngr",
            hint="wait for it to end, or choose another directory with --workdir",
        )
    if code:
        raise script_failed(CommandFailed("code", done), "sending the code", transport.place)


class _Moving:
    """The writing end of a pipe. Raises `late` if nobody takes anything out of it for STALL_S seconds, BrokenPipeError
    if nobody will; what comes after that (tarfile's own end) goes nowhere."""

    def __init__(self, fd: int, late: TimedOut) -> None:
        self._fd = fd
        self._late = late
        self._over = False
        os.set_blocking(fd, False)

    def write(self, data: bytes) -> int:
        if self._over:
            return len(data)
        left, self._over = memoryview(data), True
        while left:
            if not select.select([], [self._fd], [], STALL_S)[1]:
                raise self._late
            with contextlib.suppress(BlockingIOError):
                left = left[os.write(self._fd, left) :]
        self._over = False
        return len(data)


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
