"""A ready-made /var/lib/docker: what machines have instead of a registry to pull from.

It is kept as a volume that every machine's own is copied from (see machines/docker_volumes.py), and as a tarball.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from mngr.simcloud.docker import LABEL, DockerError, docker, there
from mngr.simcloud.images.cache import folder

DOCKERD_LIMIT_S = 30.0
CAPABILITIES = (
    *("--cap-add=ALL", "--cap-drop=SYS_RESOURCE", "--security-opt", "seccomp=unconfined"),
    *("--security-opt", "apparmor=unconfined", "--security-opt", "systempaths=unconfined"),
    "--device-cgroup-rule=a *:* rwm",
)
"""What a system container may do. `--privileged` asks for CAP_SYS_RESOURCE, which not every host has."""

TAR = ("tar", "--xattrs", "--xattrs-include=*", "--numeric-owner", "-C", "/disk")
"""overlay2 marks replaced folders by extended attributes."""


def make_docker_root(image: str, inner: Path, tags: dict[str, str], tarball: Path) -> None:
    """Load images into a Docker daemon of its own, as `tags` renames them, and pack what it has stored."""
    name = f"mngr-simcloud-make-docker-{os.getpid()}"
    docker("volume", "create", "--label", f"{LABEL}=image", name)
    try:
        docker(
            *("run", "--detach", "--name", name, "--label", f"{LABEL}=image", "--tmpfs", "/run"),
            *(*CAPABILITIES, "--volume", f"{name}:/var/lib/docker", "--volume", f"{inner}:/inner.tar:ro"),
            *(image, "dockerd", "--iptables=false", "--bridge=none"),
        )
        _wait_for_daemon(name)
        docker("exec", name, "docker", "load", "--input", "/inner.tar", limit_s=120)
        for old, new in tags.items():
            docker("exec", name, "docker", "tag", old, new)
            docker("exec", name, "docker", "rmi", old)
        docker("stop", "--time", "20", name)
        both = ("--volume", f"{name}:/disk:ro", "--volume", f"{tarball.parent}:/out")
        docker(
            "run", "--rm", *CAPABILITIES, *both, image, *TAR, "-cf", f"/out/{tarball.name}", ".", limit_s=120
        )
    finally:
        for undo in (("rm", "--force", name), ("volume", "rm", "--force", name)):
            try:
                docker(*undo)
            except DockerError:
                continue


def docker_root_ready(volume: str) -> bool:
    """Whether the volume is there and was filled to the end."""
    return _filled(volume).exists() and bool(there("volume", volume))


def fill_docker_root(volume: str, image: str, tarball: Path) -> None:
    """Unpack it into the volume. May be repeated."""
    _filled(volume).unlink(missing_ok=True)
    docker("volume", "rm", "--force", volume)
    docker("volume", "create", "--label", f"{LABEL}=image", volume)
    both = ("--volume", f"{volume}:/disk", "--volume", f"{tarball}:/root.tar:ro")
    docker("run", "--rm", *CAPABILITIES, *both, image, *TAR, "-xf", "/root.tar", limit_s=300)
    _filled(volume).touch()


def _filled(volume: str) -> Path:
    return folder() / f"{volume}.filled"


def _wait_for_daemon(container: str) -> None:
    end = time.monotonic() + DOCKERD_LIMIT_S
    while True:
        try:
            docker("exec", container, "docker", "version", limit_s=10)
            return
        except DockerError:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)
