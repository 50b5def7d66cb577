"""Making one image, as a tarball in the cache."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from mngr.simcloud.docker import LABEL, docker, there
from mngr.simcloud.images import apt, recipes
from mngr.simcloud.images.cache import whole
from mngr.simcloud.images.work import step
from mngr.simcloud.machines.base import Unavailable


def bootstrap(tarball: Path, packages: tuple[str, ...], last_step: str) -> None:
    """A root file system of Debian's required packages and these; the script `last_step` is run on it at the end."""
    if not shutil.which("mmdebstrap"):
        raise Unavailable(
            "mmdebstrap isn't installed, and there is no cached image: run `scripts/dockerd start`"
        )
    with tempfile.TemporaryDirectory() as folder, whole(tarball) as part:
        scratch = Path(folder)
        scratch.chmod(0o755)
        settings = _file(scratch / "apt.conf", apt.settings())
        hooks = [_file(scratch / "trust", recipes.file("trust.sh")), _file(scratch / "last-step", last_step)]
        (scratch / "certificates").mkdir()
        for name, data in apt.certificates().items():
            (scratch / "certificates" / name).write_bytes(data)
        argv = ["mmdebstrap", "--quiet", "--variant=minbase", "--format=tar", f"--aptopt={settings}"]
        argv += [f"--dpkgopt=path-exclude={path}" for path in recipes.LEFT_OUT]
        argv += ["--dpkgopt=path-include=/usr/share/doc/*/copyright"]
        argv += [f"--include={','.join(packages)}"] if packages else []
        argv += [f"--customize-hook={hook}" for hook in hooks]
        step(*argv, recipes.SUITE, str(part), *map(str, apt.sources(recipes.SUITE)))


def install(tarball: Path, tag: str, below: str, packages: tuple[str, ...], changes: list[str]) -> None:
    """The image `tag`: `below` with more packages. `changes` as for `docker commit`."""
    container = f"mngr-simcloud-make-{os.getpid()}-{tarball.stem}"
    try:
        with tempfile.TemporaryFile() as script:
            script.write(recipes.file("install.sh").encode())
            script.seek(0)
            run = ("docker", "run", "--interactive", "--name", container, "--label", f"{LABEL}=image", below)
            step(*run, "sh", "-s", *packages, stdin=script)
        docker("commit", *(word for change in changes for word in ("--change", change)), container, tag)
    finally:
        if there("container", container):
            docker("rm", "--force", "--volumes", container)
    with whole(tarball) as part:
        step("docker", "save", "--output", str(part), tag)


def _file(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o755)
    return path
