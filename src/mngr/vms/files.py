"""The files of a VM: an overlay of its image, and its seed. Their names carry the VM's and eight digits of its UUID, which is
made with the VM: so no file of that name is anybody else's."""

from __future__ import annotations

import glob
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from mngr.model.errors import InvalidInput
from mngr.qemu import img, overlay, seed
from mngr.vms import seed_keys
from mngr.vms.spec import VmSpec

GIB = 1024**3
FORMATS = ("raw", "qcow2")


@dataclass(frozen=True)
class Files:
    """Where they are; `stem` is the folder and what each of their names begins with."""

    stem: Path

    @property
    def disk(self) -> Path:
        return Path(f"{self.stem}.qcow2")

    @property
    def seed(self) -> Path:
        return Path(f"{self.stem}.seed.img")

    def any(self) -> bool:
        return bool(glob.glob(f"{glob.escape(str(self.stem))}.*"))

    def remove(self) -> None:
        """Removes all of them, also what a killed create has left. Repeatable."""
        for path in glob.glob(f"{glob.escape(str(self.stem))}.*"):
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path)
            else:
                Path(path).unlink(missing_ok=True)


def files_of(folder: Path, name: str, uuid: str) -> Files:
    return Files(folder / f"{name}-{uuid[:8]}")


def files_with(file: Path, uuid: str) -> Files | None:
    """Those of the VM of that UUID, if that is its disk or its seed, whatever the VM is called."""
    stem = file.parent / file.name.removesuffix(".qcow2").removesuffix(".seed.img")
    return Files(stem) if stem.name != file.name and stem.name.endswith(f"-{uuid[:8]}") else None


def check_image(spec: VmSpec) -> str:
    """The image's format, if a disk can be laid over it. Raises InvalidInput."""
    for path, what in ((spec.image, "image"), (spec.kernel, "kernel"), (spec.initrd, "initrd")):
        if path and not (os.path.isfile(path) and os.access(path, os.R_OK)):
            raise InvalidInput(
                f"{what} {path} is no file that can be read", hint="give the path of a file on this computer"
            )
    try:
        told = img.info(Path(spec.image))
    except img.QemuError as problem:
        raise InvalidInput(
            f"image {spec.image} can't be used",
            hint="give a disk image, raw or qcow2",
            details=str(problem),
        ) from None
    if told.format not in FORMATS:
        raise InvalidInput(
            f"image {spec.image} is {told.format}",
            hint="`qemu-img convert -O qcow2 IMAGE OTHER` makes another one of it",
        )
    if told.outside:
        raise InvalidInput(
            f"image {spec.image} is made of other files, too: {', '.join(told.outside)}",
            hint="`qemu-img convert -O qcow2 IMAGE OTHER` makes a whole one, if you trust it: those files' content is in it then",
        )
    if told.size > spec.disk_gib * GIB:
        raise InvalidInput(
            f"a disk of {spec.disk_gib} GiB is smaller than image {spec.image}",
            hint=f"--disk {-(-told.size // GIB)}, or more",
        )
    return told.format


def check_folder(folder: Path) -> None:
    """Raises InvalidInput if this user can't make files of VMs there."""
    there = next(one for one in (folder / ".mngr", folder, *folder.parents) if one.exists())
    if not os.access(there, os.W_OK | os.X_OK) or not there.is_dir():
        raise InvalidInput(
            f"VMs' files can't be made in {folder}: {there} isn't this user's to write to",
            hint="LIBVIRT_STORAGE_PATH names another folder",
        )


def make_folder(folder: Path) -> None:
    """For the files of VMs: QEMU may go through it, and only its owner sees what is in it. Repeatable."""
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True, mode=0o711)


def make(files: Files, spec: VmSpec, uuid: str, image_format: str, user_data: bytes) -> None:
    """Makes disk and seed. The instance id is the VM's UUID, the same for its whole life. Raises MngrError."""
    try:
        make_folder(files.stem.parent)
        files.disk.touch(mode=0o600)  # libvirt gives it to the user that QEMU runs as
        overlay.create(files.disk, Path(spec.image), spec.disk_gib, image_format)
        write_seed(files, spec, uuid, user_data)
    except img.QemuError as problem:
        raise problem.as_ours(
            f"can't make the files of VM {spec.name}", f"is there room in {files.stem.parent}?"
        ) from None


def write_seed(files: Files, spec: VmSpec, uuid: str, user_data: bytes = b"") -> None:
    """Makes the seed, or another one in its place, which a VM that runs sees from its next start on. Raises QemuError.

    A clone gets its own machine id before it asks for an address, as that may go by the id."""
    folder, new = Path(f"{files.stem}.seed"), Path(f"{files.stem}.seed.new")
    hook, cloned = seed_keys.script(uuid, spec.user), bool(spec.cloned_from)
    made = seed.files(
        uuid, spec.hostname, spec.keys, user_data, user=spec.user, boothook=hook, before_network=cloned
    )
    seed.write(folder, made)
    new.touch(mode=0o600)
    img.fat(new, folder, seed.LABEL)
    os.replace(new, files.seed)
    shutil.rmtree(folder)
