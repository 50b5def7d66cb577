"""A VM's state, by libvirt's number. https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainState"""

from __future__ import annotations

from typing import Any

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


def of(domain: Any) -> str:
    """What libvirt says now."""
    with library.doing(f"read the state of VM {domain.name()}"):
        return named(domain.state()[0])
