"""Which images are in use, so that the others may go."""

from __future__ import annotations

from mngr.model.errors import MngrError
from mngr.qemu import img
from mngr.vms import domain as xml
from mngr.vms.hypervisor import Hypervisor
from mngr.vms.images import Image, Images
from mngr.vms.remove import PROVIDER


def prune(hypervisor: Hypervisor, images: Images) -> list[Image]:
    """Removes images that no VM is made of and nobody asked for lately; those. Repeatable. Raises MngrError where it can't be
    known what is in use: then all stay."""
    return images.prune(paths(hypervisor))


def paths(hypervisor: Hypervisor) -> set[str]:
    """What libvirt's VMs say they are made of, what disks in the folder are laid over, also another libvirt's, and what open
    intents name. Raises MngrError if some of it can't be read."""
    found: set[str] = set()
    for _, text in hypervisor.vms():
        facts = xml.read(text)
        found.update(facts.disks, [facts.spec.image] if facts.spec else [])
    for disk in hypervisor.folder.glob("*.qcow2"):
        try:
            found.update(img.head(disk).outside)
        except img.QemuError as problem:
            if disk.exists():
                raise MngrError(f"it isn't known what disk {disk} is laid over: {problem}") from None
    for entry in hypervisor.journal.entries(PROVIDER):
        if entry.intent is None:
            raise MngrError(f"the journal's {entry.path} can't be read: {entry.error}")
        found.add(str(entry.intent.plan.get("image", "")))
    return found
