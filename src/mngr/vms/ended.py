"""How a VM went off. libvirtd knows it until it is started anew; then a note on the VM does, which the first who looked has put
there, or else libvirt's log of the VM."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from mngr.model.errors import MngrError
from mngr.vms import notes, remove
from mngr.vms.hypervisor import Hypervisor

#: Notes: when somebody told it to stop; when it switched itself off.
STOPPED, ENDED = "stopped", "ended"
#: Longer than a guest may take to shut down once it was told to.
STOPS_WITHIN_S = 900.0
LOGS = Path("/var/log/libvirt/qemu")
_TAIL = 64 * 1024
_EVENT = re.compile(rb"^\S+ \S+: (starting up|shutting down, reason=\w+)", re.MULTILINE)


def how(
    hypervisor: Hypervisor, domain: Any, state: tuple[int, int], text: str, disks: Sequence[str]
) -> tuple[float | None, str]:
    """When (s since the epoch) and by whom (itself, person), where that can be told. `state`: libvirt's number, and the reason;
    `text`: its XML, with those disks. A guest that shut itself down wrote to its disk at last."""
    libvirt, (number, reason) = hypervisor.libvirt, state
    if number != libvirt.VIR_DOMAIN_SHUTOFF:
        return None, ""
    wrote = 0.0
    with suppress(OSError, ValueError, IndexError):
        wrote = Path(disks[0]).stat().st_mtime  # and not the seed's, which changes while it is off, too
    at, ended = notes.read(text, STOPPED), notes.read(text, ENDED)
    if isinstance(at, int | float) and at and wrote <= at + STOPS_WITHIN_S:  # else it was started since
        return float(at), "person"
    itself = reason == libvirt.VIR_DOMAIN_SHUTOFF_SHUTDOWN
    if reason == libvirt.VIR_DOMAIN_SHUTOFF_UNKNOWN:
        itself = ended == wrote or _logged(hypervisor, domain.name())  # if not equal, it was started since
    if not wrote or not itself:
        return None, ""
    if ended != wrote:
        with suppress(MngrError, OSError):  # who may look needn't be one who may write
            notes.change(hypervisor, domain, ENDED, lambda was: wrote)
    return wrote, "itself"


def _logged(hypervisor: Hypervisor, name: str) -> bool:
    """Whether the last in its log, where that can be read, is that the guest shut itself down."""
    folder = LOGS
    if remove.daemon(hypervisor.uri) == "qemu:///session":
        folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "libvirt/qemu/log"
    try:
        with (folder / f"{name}.log").open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL))
            found = _EVENT.findall(file.read())
    except OSError:
        return False
    return bool(found) and found[-1] == b"shutting down, reason=shutdown"
