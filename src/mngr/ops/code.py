"""Code on its way to a host, over the host's own (pinned) connection. (Its commits come back by pull.py.)

Git objects travel as a bundle (git-bundle(1)) in one stream, uncommitted and untracked files on top, ignored files
not. So a worktree, whose `.git` is a file that points elsewhere, arrives as a repository of its own.
"""

import contextlib
import os
import select
import subprocess
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mngr.hosts.scripts import script_failed
from mngr.model.errors import Conflict, InvalidInput, MngrError, TimedOut, Unreachable
from mngr.transport.base import SSH_FAILED, CommandFailed, Completed, Transport, run_local

#: What takes longer than this many seconds (one git command, a bundle on its way home, the end of the remote script)
#: isn't waited for.
LIMIT_S = 1800

#: While code is sent, so many seconds may pass without a byte taken in there.
STALL_S = 120


def repository(directory: Path) -> Path | None:
    """The top of the git work tree around `directory`, or None. Raises InvalidInput if git doesn't trust it."""
    try:
        done = _run("git", "-C", str(directory), "rev-parse", "--show-toplevel")
    except Unreachable:  # no git here
        return None
    if "dubious ownership" in done.error:
        raise InvalidInput(
            f"git doesn't trust the repository around {directory}, as somebody else owns it",
            hint=f"git config --global --add safe.directory {directory}; or --no-code",
        )
    return Path(os.fsdecode(done.stdout).rstrip("\n")) if done.code == 0 and done.stdout.strip() else None


def keeper(directory: Path) -> Path | None:
    """Where `pull` brings commits: the top of the work tree around `directory`, or a bare repository. Else None."""
    top = repository(directory)
    if top is None and _git(directory, "rev-parse", "--is-bare-repository", check=False) == "true":
        top = Path(_git(directory, "rev-parse", "--absolute-git-dir"))
    return top


def check(source: Path) -> Path | None:
    """The top of the git work tree around `source`, or None. Raises InvalidInput if the code there can't be sent."""
    top = repository(source)
    if top and _git(top, "rev-parse", "--is-shallow-repository") == "true":
        raise InvalidInput(
            f"{top} is a shallow clone, which can't be sent",
            hint="`git fetch --unshallow`, or --no-code, or --from another directory",
        )
    return top


def send(transport: Transport, source: Path, target: str) -> list[str]:
    """Sends the code in `source` to the directory `target` of the host. Returns notes for the user.

    Raises Conflict if the target holds something else already, InvalidInput as `check`. Repeatable after being killed.
    """
    top = check(source)
    with tempfile.TemporaryDirectory(prefix="mngr-code-") as folder:
        work = Path(folder)
        branch = "main"
        if top:
            branch = _git(top, "symbolic-ref", "-q", "--short", "HEAD", check=False) or "main"
            changed = _list(top, "ls-files", "-z", "-o", "--exclude-standard")
            deleted: list[str] = []
            if _git(top, "rev-parse", "-q", "--verify", "HEAD", check=False):
                _git(top, "bundle", "create", "-q", str(work / "bundle"), "HEAD")
                # Against HEAD, so that what was staged comes, too.
                differs = _list(top, "diff", "-z", "--name-only", "--no-renames", "--no-ext-diff", "HEAD")
                deleted = [path for path in differs if not os.path.lexists(top / path)]
                changed = [*changed, *differs]
            else:
                changed = [*changed, *_list(top, "ls-files", "-z", "-c")]
            (work / "deleted").write_bytes(b"".join(os.fsencode(path) + b"\0" for path in deleted))
            _tar(work / "overlay.tar", top, list(dict.fromkeys(changed)))
        else:
            _tar(work / "overlay.tar", source, sorted(os.listdir(source)))
        who = (
            [_git(source, "config", key, check=False) for key in ("user.name", "user.email")]
            if top
            else ["", ""]
        )
        _stream(transport, work, target, branch, *who)
    return (
        []
        if top
        else [f"{source} isn't a git repository: its files were copied, `mngr pull` won't have a branch"]
    )


def _stream(transport: Transport, work: Path, target: str, branch: str, user: str, email: str) -> None:
    """One round trip: the remote script reads a tar of `work` as it is written."""
    from mngr.hosts import scripts

    argv = transport.argv(
        ["sh", "-c", scripts.text("code-receive"), "code-receive", target, branch, user, email]
    )
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


def _tar(file: Path, top: Path, paths: Sequence[str]) -> None:
    with tarfile.open(file, "w", format=tarfile.PAX_FORMAT) as tar:
        for path in paths:
            if os.path.lexists(top / path):
                tar.add(top / path, path, recursive=not (top / path / ".git").exists())


def _list(top: Path, *args: str) -> list[str]:
    done = _run("git", "-C", str(top), *args)
    if done.code:
        raise MngrError(f"git can't list the files of {top}", details=done.error)
    return [os.fsdecode(path) for path in done.stdout.split(b"\0") if path]


def _git(top: Path, *args: str, check: bool = True) -> str:
    done = _run("git", "-C", str(top), *args)
    if done.code and check:
        raise MngrError(f"git {args[0]} failed in {top}", details=done.error[-1000:])
    return done.text.strip() if done.code == 0 else ""


def _run(*argv: str) -> Completed:
    """A git command on this computer, which speaks English. Raises TimedOut; Unreachable where git isn't installed."""
    what = f"git {argv[3]} in {argv[2]}"
    return run_local(
        argv, place="this computer", what=what, input=b"", timeout=LIMIT_S, env={**os.environ, "LC_ALL": "C"}
    )
