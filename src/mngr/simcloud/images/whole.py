"""A disk image that boots by itself, with kernel and boot loader in it: as a cloud's image is."""

from __future__ import annotations

from pathlib import Path

from mngr.qemu.command import KERNEL_LINE
from mngr.simcloud.images import recipes
from mngr.simcloud.images.build import Images, timed
from mngr.simcloud.images.cache import folder, key, locked
from mngr.simcloud.images.disk import bootable, make


def whole_disk(image: str, images: Images) -> Path:
    """The disk of a machine image, a tag in the local Docker daemon: from the cache, else made (about 30 s). Raises Unavailable."""
    found, script = bootable(image, images), recipes.file("boot.sh")
    kernel = found.kernel.name.removeprefix("vmlinuz-")
    path = folder() / f"whole-{key(found.disk.name, kernel, KERNEL_LINE, script)}.raw"
    with locked():
        if not path.exists():
            inside = (f"/out/{found.disk.name}", f"/out/kernel-{kernel}.tar", KERNEL_LINE)
            timed("making it boot by itself", lambda: make(path, images.stock, script, (), inside))
    return path
