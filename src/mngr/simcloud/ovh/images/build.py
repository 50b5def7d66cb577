"""Making them, on top of the images that all simulated clouds share. Takes some seconds, and no network."""

from __future__ import annotations

import os
import tempfile
from importlib import resources

from mngr.simcloud.docker import LABEL, DockerError, docker, there
from mngr.simcloud.images.build import names
from mngr.simcloud.images.cache import key, locked

MAKE_LIMIT_S = 120.0


def ensure() -> dict[str, str]:
    """Names as the catalogue has them, to tags in the local Docker daemon; made if they aren't there."""
    shared = names()
    script = (resources.files("mngr.simcloud.ovh.images") / "files" / "ovh.sh").read_bytes()
    tags = {}
    for name, below in (("ovh-docker", shared.baked), ("ovh-plain", shared.stock)):
        made = key(below, script)
        tags[name] = f"mngr-simcloud:{name}-{made}"
        if not there("image", tags[name]):
            with locked():
                _make(tags[name], below, made, script)
    return tags


def _make(tag: str, below: str, made: str, script: bytes) -> None:
    if there("image", tag):
        return
    container = f"mngr-simcloud-make-ovh-{os.getpid()}"
    try:
        with tempfile.TemporaryFile() as file:
            file.write(script)
            file.seek(0)
            run = (
                "run",
                "--interactive",
                "--name",
                container,
                "--label",
                f"{LABEL}=image",
                "--network",
                "none",
            )
            docker(*run, below, "sh", "-s", stdin=file, limit_s=MAKE_LIMIT_S)
        changes = ['CMD ["/lib/systemd/systemd"]', f"LABEL {LABEL}=image {LABEL}.key={made}"]
        flags = [word for change in changes for word in ("--change", change)]
        docker("commit", *flags, container, tag, limit_s=MAKE_LIMIT_S)
    finally:
        try:
            docker("rm", "--force", "--volumes", container)
        except DockerError as problem:
            if "No such" not in str(problem):
                raise
