"""Whether a machine takes SSH."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

from mngr.simcloud.machines.base import Stop


def has_banner(address: str) -> bool:
    """Whether sshd itself answers; Docker's proxy and QEMU's network take connections long before."""
    try:
        with socket.create_connection((address, 22), 2) as connection:
            connection.settimeout(2)
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def wait_for_banner(where: Callable[[], str | None], stop: Stop, limit_s: float) -> bool:
    """False past the limit, once `stop` is set, or when there is no address any more."""
    end = time.monotonic() + limit_s
    while time.monotonic() < end and not stop.is_set():
        address = where()
        if address is None:
            return False
        if has_banner(address):
            return True
        stop.wait(0.05)
    return False
