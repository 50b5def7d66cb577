"""What answers within a machine's own network, and nowhere else: clouds have a metadata service there.

A socket belongs to the network that its maker is in. A thread goes into the machine's, makes the socket and ends;
whoever accepts on it may be anywhere.
"""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass

CLONE_NEWNET = 0x40000000
LIMIT_S = 10.0

Listen = Callable[[int], socket.socket]
"""A listening socket in a machine's network, at that port of the vendor's address there."""


@dataclass(frozen=True)
class Inside:
    """`serve` is given a machine's id and `Listen`, each time that its network is a new one."""

    serve: Callable[[str, Listen], None]
    address: str = "169.254.169.254"
    names: tuple[str, ...] = ()
    """What else has that address, as machines see it."""
    ca: bytes = b""
    """An authority that machines trust (PEM)."""


def listener(pid: int, address: str) -> Listen:
    """For the network of that process on this computer, in which the address is made if it isn't there. Needs root."""

    def listen(port: int) -> socket.socket:
        made: list[socket.socket | OSError] = []
        thread = threading.Thread(target=lambda: made.append(_listen(pid, address, port)), daemon=True)
        thread.start()
        thread.join(LIMIT_S)
        found = made[0] if made else TimeoutError(f"no socket in the network of process {pid}")
        if isinstance(found, OSError):
            raise found
        return found

    return listen


def _listen(pid: int, address: str, port: int) -> socket.socket | OSError:
    """For a thread that ends after it: it stays in the other network."""
    try:
        handle = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            libc = ctypes.CDLL(None, use_errno=True)
            if libc.setns(handle, CLONE_NEWNET):
                return OSError(ctypes.get_errno(), "can't enter a machine's network")
        finally:
            os.close(handle)
        add = ["ip", "address", "replace", f"{address}/32", "dev", "lo"]
        subprocess.run(add, check=True, timeout=LIMIT_S, stdin=subprocess.DEVNULL)
        return socket.create_server((address, port), backlog=64)
    except subprocess.SubprocessError as problem:
        return OSError(str(problem))
    except OSError as problem:
        return problem


def complain(id: str, problem: Exception) -> None:
    print(f"simcloud: nothing answers within machine {id}: {problem}", file=sys.stderr)
