"""The serial console of a VM that runs, as bytes both ways. https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainOpenConsole"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from mngr.model.errors import Conflict
from mngr.vms import library, states
from mngr.vms.hypervisor import Hypervisor

BLOCK = 64 * 1024


class Console:
    """An open one; `with` closes it. One thread may read while others write or close."""

    def __init__(self, libvirt: Any, stream: Any, vm: str) -> None:
        self._libvirt, self._stream, self._vm = libvirt, stream, vm
        self._closed = threading.Event()

    def __enter__(self) -> Console:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[bytes]:
        """What the VM says, as it comes, until it is off or this is closed. Raises MngrError where libvirt fails."""
        while data := self._recv():
            yield data

    def _recv(self) -> bytes:
        try:
            return self._stream.recv(BLOCK)
        except self._libvirt.libvirtError as error:
            if self._closed.is_set():
                return b""
            raise library.told(error, f"read the console of VM {self._vm}") from None

    def write(self, data: bytes) -> None:
        """Types it. Raises MngrError."""
        with library.doing(f"write to the console of VM {self._vm}"):
            while data:
                data = data[self._stream.send(data) :]

    def close(self) -> None:
        """Lets go of it; who reads sees its end. Repeatable."""
        if not self._closed.is_set():
            self._closed.set()
            with suppress(self._libvirt.libvirtError):
                self._stream.abort()


def opened(hypervisor: Hypervisor, vm: str, force: bool = False) -> Console:
    """The console of a VM; where somebody else has it that is a conflict, but with `force` it is taken from him.

    Raises NotFound; Conflict, also for a VM that doesn't run.
    """
    libvirt, domain = hypervisor.libvirt, hypervisor.get(vm)
    state = states.of(domain)
    if state in states.OFF:
        raise Conflict(
            f"VM {vm} is {state}, and says nothing on its console",
            hint=f"`mngr vm start {vm}` switches it on",
        )
    try:
        stream = hypervisor.conn.newStream(0)
        domain.openConsole(None, stream, libvirt.VIR_DOMAIN_CONSOLE_FORCE if force else 0)
    except libvirt.libvirtError as error:
        problem = library.told(error, f"open the console of VM {vm}")
        if "Active console session" in str(error):
            raise Conflict(
                f"somebody else is at the console of VM {vm}", hint="--force takes it from him"
            ) from None
        raise problem from None
    return Console(libvirt, stream, vm)
