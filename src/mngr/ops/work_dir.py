"""Whether an agent can work in the directory that was asked for: what can be known before there is a host."""

import os
import posixpath
from pathlib import Path

from mngr.model.errors import InvalidInput
from mngr.ops import worktree
from mngr.ops.request import CreateRequest
from mngr.providers.contract import HostProvider

#: Directories in which any image has something, so that no code can be laid there.
_FULL = {
    "/",
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/lib",
    "/lib64",
    "/proc",
    "/root",
    "/run",
    "/sbin",
    "/sys",
    "/usr",
    "/var",
}
_KERNEL = ("/dev", "/proc", "/sys")


def check_work_dir(request: CreateRequest, provider: HostProvider) -> None:
    """Raises InvalidInput. Asks nobody."""
    given = request.work_dir
    if not given.isprintable():
        raise InvalidInput("--workdir holds a character that can't be printed")
    if request.worktree:
        _check_worktree(request, provider)
    elif provider.abilities.isolated:
        if not request.subdirectory.isprintable():
            raise InvalidInput(
                f"the agent can't begin in {request.subdirectory!r}: the name holds a character that can't be printed",
                hint="run this in another directory of the repository",
            )
        if given:
            _check_there(given, provider.host_dir, request.source is not None)
    elif given and request.source and not request.source_implied:
        raise InvalidInput(
            "--from and --workdir exclude each other on this computer, where agents work in the directory itself",
            hint="give one of them",
        )
    else:
        _check_here(Path(os.path.abspath(given or request.source or os.getcwd())))


def here(request: CreateRequest, host_dir: str = "") -> str:
    """Where an agent works on this computer; `host_dir` has the worktrees."""
    if request.worktree:
        begin = os.path.relpath(
            os.path.realpath(request.source or os.getcwd()), os.path.realpath(worktree.repository_of(request))
        )
        return os.path.normpath(worktree.folder(host_dir) / request.name / begin / request.subdirectory)
    source = os.path.join(request.source, request.subdirectory) if request.source else os.getcwd()
    return os.path.abspath(request.work_dir or source)


def _check_worktree(request: CreateRequest, provider: HostProvider) -> None:
    if provider.abilities.isolated:
        raise InvalidInput(
            f"--worktree is for agents on this computer only, and {provider.name} isn't",
            hint="elsewhere each agent has a copy of its own; leave it out",
        )
    if request.work_dir:
        raise InvalidInput("--worktree and --workdir exclude each other")
    worktree.repository_of(request)


def _check_there(given: str, host_dir: str, gets_code: bool) -> None:
    if not given.startswith("/"):
        raise InvalidInput(
            f"--workdir {given} isn't an absolute path on the host",
            hint=f"e.g. {host_dir}/work/{given.strip('./~')}",
        )
    path = "/" + posixpath.normpath(given).strip("/")
    if any(path == one or path.startswith(f"{one}/") for one in _KERNEL):
        raise InvalidInput(
            f"--workdir {given}: that is the kernel's", hint=f"leave it out for one in {host_dir}/work"
        )
    own = path.removeprefix(host_dir) if path == host_dir or path.startswith(f"{host_dir}/") else None
    if own is not None and own.split("/")[1:2] != ["work"]:
        raise InvalidInput(f"--workdir {given}: that is mngr's own", hint=f"one in {host_dir}/work will do")
    if gets_code and path in _FULL:
        raise InvalidInput(
            f"--workdir {given} isn't empty in any image, so no code can be laid there", hint="or --no-code"
        )


def _check_here(path: Path) -> None:
    there = next(one for one in (path, *path.parents) if os.path.lexists(one))
    if not there.is_dir():
        raise InvalidInput(
            f"{path} can't be a directory to work in: {there} is no directory",
            hint="--workdir takes a directory",
        )
    if not os.access(there, os.X_OK | (0 if there == path else os.W_OK)):
        raise InvalidInput(f"{path} can't be a directory to work in: {there} isn't open to you")
