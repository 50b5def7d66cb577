"""Code on its way to a host and its commits on the way back, over the host's own (pinned) connection.

Git objects travel as a bundle (git-bundle(1)) in one stream, uncommitted and untracked files on top, ignored files
not. So a worktree, whose `.git` is a file that points elsewhere, arrives as a repository of its own.
"""

import os
import subprocess
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

from mngr.hosts.scripts import script_failed
from mngr.model.errors import Conflict, InvalidInput, MngrError, NotFound, Unreachable
from mngr.transport.base import SSH_FAILED, CommandFailed, Transport

#: A repository bigger than this many seconds of upload isn't waited for.
LIMIT_S = 1800


def repository(directory: Path) -> Path | None:
    """The top of the git work tree around `directory`, or None. Raises InvalidInput if git doesn't trust it."""
    try:
        done = subprocess.run(
            ["git", "-C", str(directory), "rev-parse", "--show-toplevel"],
            capture_output=True,
            text=True,
            timeout=30,
        )
    except FileNotFoundError:
        return None
    if "dubious ownership" in done.stderr:
        raise InvalidInput(
            f"git doesn't trust the repository around {directory}, as somebody else owns it",
            hint=f"git config --global --add safe.directory {directory}; or --no-code",
        )
    return Path(done.stdout.rstrip("\n")) if done.returncode == 0 and done.stdout.strip() else None


def check(source: Path) -> None:
    """Raises InvalidInput if the code in `source` can't be sent."""
    top = repository(source)
    if top and _git(top, "rev-parse", "--is-shallow-repository") == "true":
        raise InvalidInput(
            f"{top} is a shallow clone, which can't be sent",
            hint="`git fetch --unshallow`, or --no-code, or --from another directory",
        )


def send(transport: Transport, source: Path, target: str) -> list[str]:
    """Sends the code in `source` to the directory `target` of the host. Returns notes for the user.

    Raises Conflict if the target holds something else already, InvalidInput as `check`. Repeatable after being killed.
    """
    check(source)
    with tempfile.TemporaryDirectory(prefix="mngr-code-") as folder:
        work = Path(folder)
        top = repository(source)
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


def pull(
    transport: Transport, work_dir: str, into: Path, branch: str, *, force: bool = False
) -> dict[str, str]:
    """Brings the commits made in `work_dir` into the repository `into`, as `branch`.

    Returns `commit`, `branch`, `new` ("yes"/"no") and `uncommitted` (how many changed files stayed there). Raises
    NotFound if there is no repository there, Conflict if the branch went another way (unless `force`).
    """
    from mngr.hosts import scripts

    with tempfile.TemporaryDirectory(prefix="mngr-pull-") as folder:
        bundle = Path(folder) / "bundle"
        argv = transport.argv(["sh", "-c", scripts.text("code-send"), "code-send", work_dir])
        with open(bundle, "wb") as out:
            done = subprocess.run(
                argv, stdout=out, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=LIMIT_S
            )
        said = done.stderr.decode(errors="replace")
        uncommitted = next(
            (line.split()[1] for line in said.splitlines() if line.startswith("uncommitted ")), "0"
        )
        if done.returncode == 3:
            raise NotFound(f"there is no git repository in {work_dir} on {transport.place}")
        if done.returncode == 4:
            return {"new": "no", "branch": branch, "commit": "", "uncommitted": uncommitted}
        if done.returncode:
            raise MngrError(f"the commits couldn't be read on {transport.place}", details=said[-1000:])
        fetched = subprocess.run(
            ["git", "-C", str(into), "fetch", "-q", str(bundle), f"{'+' if force else ''}HEAD:refs/heads/{branch}"],
            capture_output=True, text=True, timeout=LIMIT_S,
        )  # fmt: skip
        if fetched.returncode:
            if "non-fast-forward" in fetched.stderr or "rejected" in fetched.stderr:
                raise Conflict(
                    f"branch {branch} here has commits that the agent's doesn't",
                    hint="--branch NAME brings it under another name, --force replaces yours",
                )
            raise MngrError(f"the commits couldn't be brought into {into}", details=fetched.stderr[-1000:])
        return {
            "new": "yes",
            "branch": branch,
            "commit": _git(into, "rev-parse", f"refs/heads/{branch}"),
            "uncommitted": uncommitted,
        }


def _stream(transport: Transport, work: Path, target: str, branch: str, user: str, email: str) -> None:
    """One round trip: the remote script reads a tar of `work` as it is written."""
    from mngr.hosts import scripts

    argv = transport.argv(
        ["sh", "-c", scripts.text("code-receive"), "code-receive", target, branch, user, email]
    )
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as remote:
        assert remote.stdin
        assert remote.stderr
        try:
            with tarfile.open(fileobj=remote.stdin, mode="w|") as tar:
                for path in sorted(work.iterdir()):
                    tar.add(path, path.name)
            remote.stdin.close()
        except BrokenPipeError:
            pass
        said = remote.stderr.read()
        try:
            code = remote.wait(LIMIT_S)
        except BaseException:
            remote.kill()
            raise
    if code == SSH_FAILED:
        raise Unreachable(
            f"the connection to {transport.place} broke while the code was sent", hint="run it again"
        )
    if code == 4:
        raise Conflict(
            f"{target} on {transport.place} isn't empty",
            hint="--workdir chooses another directory, --no-code leaves it as it is",
        )
    if code:
        from mngr.transport.base import Completed

        failed = CommandFailed("code", Completed(code, b"", said))
        raise script_failed(failed, "sending the code", transport.place)


def _tar(file: Path, top: Path, paths: Sequence[str]) -> None:
    with tarfile.open(file, "w", format=tarfile.PAX_FORMAT) as tar:
        for path in paths:
            if os.path.lexists(top / path):
                tar.add(top / path, path, recursive=not (top / path / ".git").exists())


def _list(top: Path, *args: str) -> list[str]:
    done = subprocess.run(["git", "-C", str(top), *args], capture_output=True, timeout=300)
    if done.returncode:
        raise MngrError(f"git can't list the files of {top}", details=done.stderr.decode(errors="replace"))
    return [os.fsdecode(path) for path in done.stdout.split(b"\0") if path]


def _git(top: Path, *args: str, check: bool = True) -> str:
    done = subprocess.run(["git", "-C", str(top), *args], capture_output=True, text=True, timeout=LIMIT_S)
    if done.returncode and check:
        raise MngrError(f"git {args[0]} failed in {top}", details=done.stderr[-1000:])
    return done.stdout.strip() if done.returncode == 0 else ""
