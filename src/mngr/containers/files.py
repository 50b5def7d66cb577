"""Files of a host's container, whether it runs or not."""

import io
import tarfile
from collections.abc import Sequence

from mngr.containers import container
from mngr.containers.docker import Docker
from mngr.model.errors import NotFound


def read(docker: Docker, host_id: str, paths: Sequence[str]) -> dict[str, bytes]:
    """What is in those of `paths` (absolute) that are there. Raises NotFound if the container is gone, Unreachable, TimedOut."""
    name = container.name_of(host_id)
    found: dict[str, bytes] = {}
    for path in paths:
        done = docker.run("cp", f"{name}:{path}", "-", check=False)
        if not done.code:
            with tarfile.open(fileobj=io.BytesIO(done.stdout), mode="r:") as archive:
                entry = archive.getmembers()[0]
                # What lies there is the agents' to choose: a link isn't followed.
                file = archive.extractfile(entry) if entry.isfile() else None
                found[path] = file.read() if file else b""
    # docker 20.10 says the same of a path and of a container that isn't there.
    if not found and docker.run("container", "inspect", "-f", "there", name, check=False).code:
        raise NotFound(f"the container of host {host_id} is gone from {docker.place}")
    return found
