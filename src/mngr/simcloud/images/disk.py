"""Disk images for virtual machines: a machine image's root file system on ext4, and a kernel to boot it with.

Neither loop devices nor mounts are needed. Debian's cloud kernel is fetched once; every image boots with it.
"""

from __future__ import annotations

import os
import tarfile
import tempfile
from pathlib import Path

from mngr.qemu.command import Bootable
from mngr.simcloud.docker import LABEL, drop
from mngr.simcloud.images import recipes
from mngr.simcloud.images.build import Images, timed
from mngr.simcloud.images.cache import folder, key, locked, whole
from mngr.simcloud.images.dockerroot import CAPABILITIES
from mngr.simcloud.images.work import step


def bootable(image: str, images: Images) -> Bootable:
    """The disk of a machine image, a tag in the local Docker daemon: from the cache, else made (about 15 s).

    Raises Unavailable if it can't be made, saying why.
    """
    scripts = {name: recipes.file(f"{name}.sh") for name in ("kernel", "disk")}
    scripts["disk"] = scripts["disk"].replace("@stages@\n", recipes.file("stages"))
    made = key(images.stock, scripts["kernel"])
    found = Bootable(
        folder() / f"vmlinuz-{made}",
        folder() / f"initrd-{made}",
        folder() / f"disk-{key(made, image, images.docker_root, scripts['disk'])}.raw",
    )
    if _all_there(found):
        return found
    with locked():
        kernel = folder() / f"kernel-{made}.tar"
        if not kernel.exists():
            timed("fetching a kernel", lambda: make(kernel, images.stock, scripts["kernel"], (), ()))
        _unpack(kernel, found)
        if not found.disk.exists():
            mounts = (*CAPABILITIES, "--network=none", "--tmpfs=/disk-root:exec,dev,suid")
            mounts += (f"--volume={images.docker_root}:/docker-root:ro",)
            inside = (f"/out/{kernel.name}",)
            timed(
                f"making a disk of {image}",
                lambda: make(found.disk, image, scripts["disk"], mounts, inside),
            )
    return found


def _all_there(found: Bootable) -> bool:
    return all(path.exists() for path in (found.kernel, found.initrd, found.disk))


def make(path: Path, image: str, script: str, options: tuple[str, ...], more: tuple[str, ...]) -> None:
    """Run a script in a container of that image; it writes the file its first argument names."""
    name = f"mngr-simcloud-make-vm-{os.getpid()}"
    run = ("docker", "run", "--rm", "--interactive", "--name", name, "--label", f"{LABEL}=image")
    with tempfile.TemporaryFile() as file, whole(path) as part:
        file.write(script.encode())
        file.seek(0)
        out = f"--volume={path.parent}:/out"
        try:
            step(*run, out, *options, image, "sh", "-s", f"/out/{part.name}", *more, stdin=file)
        finally:
            drop("rm", "--force", name)


def _unpack(kernel: Path, found: Bootable) -> None:
    with tarfile.open(kernel) as tar:
        for name, path in (("boot/vmlinuz", found.kernel), ("boot/initrd", found.initrd)):
            member = tar.extractfile(name)
            assert member
            with whole(path) as part:
                part.write_bytes(member.read())
