"""libvirt's library, imported at the point of use, and its errors in our words.

Codes: https://libvirt.org/html/libvirt-virterror.html#virErrorNumber
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mngr.model.errors import (
    Conflict,
    InvalidInput,
    MngrError,
    NotFound,
    NotSupported,
    Unreachable,
    is_of_the_disk,
)

FROM_RPC = 7
"""virErrorDomain of the connection itself, whatever the code."""

#: domain, network, pool, volume, metadata, snapshot, secret
NO_DOMAIN = 42
GONE = {NO_DOMAIN, 43, 49, 50, 80, 72, 66}
#: "operation failed" (a name is taken), the state doesn't allow it, a volume is there, a restore that would throw something away
IN_THE_WAY = {9, 55, 77, 90}
#: this libvirt, or QEMU as the VM is set up, has no such thing
MISSING = {3, 67, 74, 84}
#: the system said no, the agent is silent, no connection, and one that was closed
SILENT = {38, 86, 23, 24, 6}
WRONG = {8, 82}
AUTH = {45, 29, 88}


#: What to do where a file was removed, such as a VM's disk.
LOST = "put it back; a VM that lost it can still be deleted"
_NO_FILE = "No such file or directory"

#: How an answer over HTTP says that it is a `NoVm`.
NO_VM = "urn:mngr:no-such-vm"


class NoVm(NotFound):
    """libvirt itself says that it has no such VM."""


class Silent(Unreachable):
    """libvirtd, or a QEMU that it waits for, is there and doesn't answer."""


def load() -> Any:
    """The module `libvirt`, told not to print errors. Raises MngrError where it isn't installed."""
    from importlib import import_module

    try:
        libvirt: Any = import_module("libvirt")
    except ImportError as problem:
        raise MngrError(
            f"VMs take libvirt's Python library, which isn't here ({problem})",
            hint="pip install 'mngr[libvirt]', which builds it: on Debian after `apt install gcc pkg-config libvirt-dev python3-dev`",
        ) from None
    libvirt.registerErrorHandler(lambda *_: None, None)
    return libvirt


def agent_command() -> Any:
    """libvirt_qemu's `qemuAgentCommand(domain, command, seconds, flags)`. Raises ImportError where that part isn't installed."""
    from importlib import import_module

    return import_module("libvirt_qemu").qemuAgentCommand


@contextmanager
def doing(what: str) -> Iterator[None]:
    """An error of libvirt's inside becomes one of ours, which says what was being done."""
    libvirt = load()
    try:
        yield
    except libvirt.libvirtError as error:
        raise told(error, what) from None
    except Silent as error:
        raise Silent(f"can't {what}: {error.message}", hint=error.hint) from None


def code(error: Any) -> int:
    """An error's number; -1 for one that the library made up itself."""
    return error.get_error_code() or -1


def told(error: Any, what: str) -> MngrError:
    said = str(error.get_error_message() or error).strip()
    text, number = f"can't {what}: {said}", code(error)
    if error.get_error_domain() == FROM_RPC:
        return Unreachable(text, hint="is libvirtd running? Run this again when it is")
    if number == NO_DOMAIN:
        return NoVm(text, hint="`mngr vm list` shows the VMs")
    if is_of_the_disk(said):
        return Unreachable(text, hint="run this again when that is mended")
    if _NO_FILE in said:
        return Conflict(text, hint=LOST)
    if number in MISSING:
        return NotSupported(text, hint="libvirt and QEMU here can't do that with this VM")
    if number in GONE:
        return NotFound(text, hint="`mngr vm list` shows the VMs")
    if number in AUTH:
        return Unreachable(text, hint="libvirt asks for rights: run as root, or join the group libvirt")
    if number in IN_THE_WAY:
        return Conflict(text, hint="`mngr vm show NAME` shows its state")
    if number in SILENT:
        return Unreachable(text, hint="libvirtd's log says more")
    if number in WRONG:
        return InvalidInput(text, hint="libvirt here doesn't take that value")
    return MngrError(text, hint="libvirtd's log says more")
