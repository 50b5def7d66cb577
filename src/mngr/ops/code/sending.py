"""The stream of code to a host, over the host's own (pinned) connection; scripts/code-receive.sh reads it there."""

import contextlib
import os
import select
import subprocess
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mngr.hosts import scripts
from mngr.hosts.scripts import script_failed
from mngr.model.clock import SYSTEM, Clock
from mngr.model.errors import Conflict, TimedOut, Unreachable
from mngr.model.notes import Note
from mngr.ops.code.pack import pack
from mngr.ops.code.scan import scan
from mngr.ops.code.tree import Tree
from mngr.ops.git import LIMIT_S
from mngr.ops.notes import RepositoryComes
from mngr.transport.base import SSH_FAILED, CommandFailed, Completed, Transport

#: While code is sent, so many seconds may pass without a byte taken in there.
STALL_S = 120

#: What was read of the code up to so many seconds ago is sent; of an older one, what is there now.
FRESH_S = 5.0


class Code:
    """The code in `source`, as it was `at` a time of `clock` (monotonic). Raises InvalidInput if it can't be sent."""

    def __init__(self, source: Path, clock: Clock = SYSTEM) -> None:
        self.source = source
        self.clock = clock
        self.at = clock.monotonic()
        self.trees: Sequence[Tree] = scan(source)

    @property
    def notes(self) -> list[Note]:
        """What can't come, or comes otherwise than one might think."""
        return [note for tree in self.trees for note in tree.notes]

    @property
    def comes(self) -> list[RepositoryComes]:
        """What comes, where it is a repository."""
        first, *others = self.trees
        nested = sum(1 for tree in others if tree.kind)
        branch = first.reference.removeprefix("refs/heads/")
        whole = RepositoryComes(
            path=str(first.top), branch=branch, commit=first.commit, files=len(first.files), nested=nested
        )
        return [whole] if first.kind else []

    def fresh(self) -> "Code":
        """This, or, if it is older than FRESH_S, the code as it is now."""
        old = self.clock.monotonic() - self.at > FRESH_S
        return Code(self.source, self.clock) if old else self


def send(transport: Transport, code: Code, target: str, subdirectory: str = "") -> list[Note]:
    """Sends `code` to the directory `target` of the host, and sees to it that `subdirectory` of that is there. Returns what
    couldn't come, or came otherwise.

    Raises Conflict if the target holds something else already, InvalidInput. Repeatable after being killed.
    """
    code = code.fresh()
    trees = code.trees
    with tempfile.TemporaryDirectory(prefix="mngr-code-") as folder:
        work = Path(folder)
        for number, tree in enumerate(trees):
            pack(tree, work / str(number))
        _stream(transport, work, target, subdirectory)
    return code.notes


def _stream(transport: Transport, work: Path, target: str, subdirectory: str) -> None:
    """One round trip: the remote script reads a tar of `work` as it is written."""
    argv = transport.argv(["sh", "-c", scripts.text("code-receive"), "code-receive", target, subdirectory])
    late = TimedOut(
        f"sending the code to {target} on {transport.place} has stalled: nothing moved for {STALL_S} s, "
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
