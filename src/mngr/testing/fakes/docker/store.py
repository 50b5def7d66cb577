"""What this daemon has, on disk: containers, images, volumes, each a folder with a file in marshal's format (which needs no import); one lock for changes."""

from __future__ import annotations

import fcntl
import marshal
import os
import time

TYPE_CHECKING = False  # typing takes longer to import than most of these commands run
if TYPE_CHECKING:
    from typing import Any

#: The daemon's files, and where the file system that images are made from can be seen.
ROOT = os.environ.get("MNGR_FAKE_DOCKER_ROOT", "/var/lib/docker")
LOWER = os.environ.get("MNGR_FAKE_DOCKER_LOWER", "/.fakes/host")
#: What `docker pull` finds.
REGISTRY = ("debian:bookworm-slim", "debian:bookworm", "debian:12", "ubuntu:24.04")


class Error(Exception):
    """What the daemon says no with."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


def folder(kind: str, id: str = "") -> str:
    return os.path.join(ROOT, kind, id) if id else os.path.join(ROOT, kind)


class lock:
    """Held while something is changed; a daemon does one thing after the other."""

    def __enter__(self) -> None:
        os.makedirs(ROOT, exist_ok=True)
        self._fd = os.open(os.path.join(ROOT, "lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._fd, fcntl.LOCK_EX)

    def __exit__(self, *raised: object) -> None:
        os.close(self._fd)


def new_id() -> str:
    return os.urandom(32).hex()


def read(kind: str, id: str, file: str = "meta") -> dict[str, Any]:
    with open(os.path.join(folder(kind, id), file), "rb") as stream:
        return marshal.load(stream)


def write(kind: str, id: str, data: dict[str, Any], file: str = "meta") -> None:
    path = os.path.join(folder(kind, id), file)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    part = f"{path}.{os.getpid()}"
    with open(part, "wb") as stream:
        marshal.dump(data, stream)
    os.replace(part, path)


def every(kind: str) -> list[dict[str, Any]]:
    """All of a kind, oldest first."""
    found = []
    if os.path.isdir(folder(kind)):
        for id in os.listdir(folder(kind)):
            try:
                found.append(read(kind, id))
            except FileNotFoundError:
                continue  # being made, or being removed
    return sorted(found, key=lambda one: one.get("Created", one.get("CreatedAt", "")))


def iso(at: float | None = None) -> str:
    """As docker writes times: with nanoseconds."""
    at = time.time() if at is None else at
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + f".{int(at % 1 * 1e9):09d}Z"


def remove_tree(path: str) -> None:
    silent = [(os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0)]
    os.waitpid(os.posix_spawnp("rm", ["rm", "-rf", "--", path], os.environ, file_actions=silent), 0)


def quote(text: str) -> str:
    """One word for a shell."""
    return "'" + text.replace("'", "'\"'\"'") + "'"


def join(argv: list[str]) -> str:
    return " ".join(map(quote, argv))
