"""How big a VM is, as a plan's name: `2048m-2c-20g` has 2048 MiB of memory, two processors and a disk of 20 GiB."""

import re

import msgspec

from mngr.model.errors import InvalidInput

EXAMPLE = "2048m-2c-20g"
_FORM = re.compile(r"(\d{1,8})([mg])-(\d{1,4})c-(\d{1,6})g", re.ASCII)


class Size(msgspec.Struct, frozen=True):
    memory_mib: int
    vcpus: int
    disk_gib: int


def read(plan: str) -> Size:
    """Raises InvalidInput."""
    found = _FORM.fullmatch(plan)
    if not found:
        raise InvalidInput(
            f"{plan!r} is no plan of libvirt's",
            hint=f"memory, processors and disk, such as {EXAMPLE} or 8g-4c-80g: -b --vps-plan=…, or default_plan",
        )
    memory, unit, vcpus, disk = found.groups()
    return Size(int(memory) * (1024 if unit == "g" else 1), int(vcpus), int(disk))


def name(memory_mib: int, vcpus: int, disk_gib: int) -> str:
    return f"{memory_mib}m-{vcpus}c-{disk_gib}g"
