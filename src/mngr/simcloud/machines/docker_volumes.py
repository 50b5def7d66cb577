"""Docker volumes of container machines, for their /var/lib/docker: copied from a ready-made one or from a snapshot."""

from __future__ import annotations

import tempfile
from importlib import resources
from pathlib import PurePosixPath

from mngr.simcloud.docker import docker
from mngr.simcloud.images.dockerroot import CAPABILITIES

COPY_LIMIT_S = 300.0


def script(name: str) -> bytes:
    return (resources.files("mngr.simcloud.machines") / "files" / name).read_bytes()


class DockerVolumes:
    """Keeps one small container that sees all volumes, so that a copy costs a `docker exec`, not a start."""

    def __init__(self, keeper: str, labels: tuple[str, ...], image: str, ready_made: str) -> None:
        self._keeper = keeper
        self._labels = labels
        self._ready_made = ready_made
        mountpoint = PurePosixPath(docker("volume", "inspect", "--format", "{{.Mountpoint}}", ready_made))
        docker(
            *("run", "--detach", "--init", "--name", keeper, *labels, "--network", "none", *CAPABILITIES),
            *("--volume", f"{mountpoint.parent.parent}:/volumes", image, "sleep", "infinity"),
        )

    def fresh(self, volume: str) -> None:
        """A volume as a new machine has it."""
        self._create(volume)
        self._copy(self._ready_made, volume, "link")

    def copy(self, source: str, volume: str) -> None:
        self._create(volume)
        self._copy(source, volume, "copy")

    def size(self, volume: str) -> int:
        """Bytes on disk."""
        said = docker("exec", self._keeper, "du", "-sk", f"/volumes/{volume}/_data", limit_s=COPY_LIMIT_S)
        return int(said.split()[0]) * 1024

    def _create(self, volume: str) -> None:
        docker("volume", "create", *self._labels, volume)

    def _copy(self, source: str, volume: str, how: str) -> None:
        with tempfile.TemporaryFile() as file:
            file.write(script("copy-disk.sh"))
            file.seek(0)
            argv = ("exec", "--interactive", self._keeper, "sh", "-s", source, volume, how)
            docker(*argv, stdin=file, limit_s=COPY_LIMIT_S)
