"""How the machine of a failed create booted, kept at home: `$MNGR_HOME/logs/boot/<instance>/<host name>.log`.

The machine itself is gone by then. One file a host name, the newest few; they are notes for a person, nothing reads them.
"""

import contextlib
from pathlib import Path

from mngr.config.home import write_private
from mngr.hosts.scripts import script
from mngr.model.clock import iso
from mngr.model.errors import MngrError, brief
from mngr.model.names import is_name
from mngr.transport.ssh import Ssh
from mngr.vps_docker.rented import Rented

#: So long is a log waited for, in seconds: a machine that doesn't come up mostly doesn't answer, and is billed.
FETCH_S = 15.0
#: The end of a log that is kept, in characters.
KEPT = 100_000
#: So many logs of an instance are kept.
FILES = 20


def fetch(machine: Ssh, *, timeout: float = 30) -> str:
    """The end of what a machine's first boot wrote. Raises Unreachable, TimedOut, CommandFailed."""
    return script(machine, "machine-log", timeout=timeout).text[-KEPT:]


def keep(rented: Rented, host_name: str, machine: Ssh | None, error: BaseException) -> None:
    """Keeps how the create failed and what can be had of the machine's boot log, and lets `error` (if it is a
    MngrError) say where to see it. `machine`: None if it never had an address. Best effort: raises nothing."""
    if not isinstance(error, MngrError):
        return  # Ctrl-C, or a bug: whoever waits now waits for the end
    try:
        log = fetch(machine, timeout=FETCH_S) if machine else "== no log: it never had an address\n"
    except MngrError as failure:
        log = f"== no log: {brief(failure)}\n"
    at = iso(rented.context.clock.now())
    head = f"== {at}: the create of host {host_name} on {rented.name} failed, and its machine was released: {error}\n"
    with contextlib.suppress(OSError):
        file = _folder(rented) / f"{host_name}.log"
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_private(file, "".join((head, *(f"{line}\n" for line in error.details.splitlines()), log)))
        for old in sorted(file.parent.glob("*.log"), key=lambda one: one.stat().st_mtime)[:-FILES]:
            old.unlink(missing_ok=True)
        shown = f"`mngr logs --boot {host_name}` shows how its machine booted"
        error.hint = f"{error.hint}; {shown}" if error.hint else shown


def kept(rented: Rented, host_name: str) -> str:
    """What `keep` wrote for the newest failed create of that name; "" if there is nothing."""
    try:
        return (_folder(rented) / f"{host_name}.log").read_text() if is_name(host_name) else ""
    except OSError:
        return ""


def _folder(rented: Rented) -> Path:
    return rented.context.home / "logs" / "boot" / rented.name
