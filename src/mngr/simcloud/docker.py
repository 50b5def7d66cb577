"""The local Docker daemon, through its own command."""

from __future__ import annotations

import shutil
import subprocess
from typing import IO

from mngr.simcloud.machines.base import Unavailable

LABEL = "mngr.simcloud"
"""On every Docker object made here: the run's id, or `image` on what all runs share."""


class DockerError(Exception):
    """A docker command failed; the message has the command's own words."""


def docker(*argv: str, limit_s: float = 120.0, stdin: IO[bytes] | None = None) -> str:
    """Run one docker command; its standard output, stripped. Raises DockerError, also past the limit."""
    try:
        done = subprocess.run(
            ["docker", *argv],
            stdin=stdin or subprocess.DEVNULL,
            capture_output=True,
            timeout=limit_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise DockerError(f"docker {' '.join(argv[:3])} … took longer than {limit_s:.0f} s")
    if done.returncode:
        raise DockerError(f"docker {' '.join(argv[:3])} …: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout.decode(errors="replace").strip()


def lines(*argv: str, limit_s: float = 120.0) -> list[str]:
    """The same, as the lines that aren't empty."""
    return [line for line in docker(*argv, limit_s=limit_s).splitlines() if line]


def drop(*argv: str) -> None:
    """`docker ARGV…`, which removes something. Gone already is success. Raises DockerError."""
    try:
        docker(*argv)
    except DockerError as problem:
        if "No such" not in str(problem):
            raise


def there(kind: str, *names: str) -> set[str]:
    """Those of some images, volumes or containers that exist."""
    found = set()
    for name in names:
        try:
            docker(kind, "inspect", "--format", "x", name)
            found.add(name)
        except DockerError:
            continue
    return found


def require() -> None:
    """Raise Unavailable, saying what to do, unless a Docker daemon answers."""
    if not shutil.which("docker"):
        raise Unavailable("no docker command here: run `scripts/dockerd start`, or use --machines fake")
    try:
        docker("version", "--format", "{{.Server.Version}}", limit_s=20)
    except DockerError as problem:
        raise Unavailable(f"the Docker daemon doesn't answer ({problem}): run `scripts/dockerd start`")
