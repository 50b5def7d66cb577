"""Files of a host's container, whether it runs or not."""

import io
import tarfile
from collections.abc import Sequence

from mngr.containers import container
from mngr.containers.docker import Docker
from mngr.model.errors import NotFound


def read(docker: Docker, host_id: str, paths: Sequence[str]) -> dict[str, bytes]:
    """What is in those of `paths` (absolute) that are there. Raises NotFound if the container is gone, Unreachable, TimedOut."""
    found: dict[str, bytes] = {}
    for path in paths:
        done = docker.run("cp", f"{container.name_of(host_id)}:{path}", "-", check=False)
        if "No such container" in done.error:
            raise NotFound(f"the container of host {host_id} is gone from {docker.place}")
        if not done.code:
            with tarfile.open(fileobj=io.BytesIO(done.stdout), mode="r:") as archive:
                file = archive.extractfile(archive.getmembers()[0])
                found[path] = file.read() if file else b""
    return found
