"""A VM's state, by libvirt's number. https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainState"""

from __future__ import annotations

from typing import Any

from mngr.model.errors import Conflict
from mngr.vms import library

RUNNING, PAUSED, STOPPING, STOPPED, CRASHED, SUSPENDED = (
    "running", "paused", "stopping", "stopped", "crashed", "suspended",
)  # fmt: skip
UNKNOWN = "unknown"
OFF = (STOPPED, CRASHED)

#: Blocked is a state of Xen's: it runs.
_STATES = {1: RUNNING, 2: RUNNING, 3: PAUSED, 4: STOPPING, 5: STOPPED, 6: CRASHED, 7: SUSPENDED}


def named(number: int) -> str:
    return _STATES.get(number, UNKNOWN)


def check_not_saved(domain: Any) -> None:
    """Raises Conflict for a VM whose memory is on disk, to be gone on with: that goes with the disk as it is."""
    name = domain.name()
    with library.doing(f"read the state of VM {name}"):
        if domain.hasManagedSaveImage():
            raise Conflict(
                f"VM {name} was saved to disk while it ran",
                hint=f"`mngr vm start {name}` lets it go on; then run this again",
            )


def of(domain: Any) -> str:
    """What libvirt says now."""
    with library.doing(f"read the state of VM {domain.name()}"):
        return named(domain.state()[0])
