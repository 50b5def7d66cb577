"""What answers within a machine's own network, and nowhere else, and what comes into it: clouds have a metadata service there, and
a firewall around it.

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
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

CLONE_NEWNET = 0x40000000
LIMIT_S = 10.0


@dataclass(frozen=True)
class Network:
    """A machine's, as long as it runs: that of a process on this computer. Needs root, `ip` and `iptables`."""

    pid: int
    address: str

    def listen(self, port: int) -> socket.socket:
        """A listening socket at the vendor's address there. Raises OSError."""

        def act() -> socket.socket:
            _run("ip", "address", "replace", f"{self.address}/32", "dev", "lo")
            return socket.create_server((self.address, port), backlog=64)

        return self._within(act)

    def drop(self, ports: Iterable[int]) -> None:
        """From now on nothing comes from outside to these TCP ports, and all to others. Raises OSError."""

        def act() -> None:
            table = ("iptables", "-w", "5", "-t", "raw")
            _run(*table, "-F", "PREROUTING")
            for port in ports:
                _run(
                    *table, "-A", "PREROUTING", "-i", "eth0", "-p", "tcp", "--dport", str(port), "-j", "DROP"
                )

        self._within(act)

    def _within(self, act: Callable[[], Any]) -> Any:
        """In a thread that ends after it, as it stays in the other network."""
        done: list[Any] = []
        failed: list[OSError] = []

        def there() -> None:
            try:
                _enter(self.pid)
                done.append(act())
            except OSError as problem:
                failed.append(problem)

        thread = threading.Thread(target=there, daemon=True)
        thread.start()
        thread.join(LIMIT_S)
        if not done:
            raise failed[0] if failed else TimeoutError(f"no way into the network of process {self.pid}")
        return done[0]


@dataclass(frozen=True)
class Inside:
    """`serve` is given a machine's id and its network, each time that this is a new one."""

    serve: Callable[[str, Network], None]
    address: str = "169.254.169.254"
    names: tuple[str, ...] = ()
    """What else has that address, as machines see it."""
    ca: bytes = b""
    """An authority that machines trust (PEM)."""


def complain(id: str, problem: Exception) -> None:
    print(f"simcloud: nothing answers within machine {id}: {problem}", file=sys.stderr)


def _enter(pid: int) -> None:
    handle = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        if ctypes.CDLL(None, use_errno=True).setns(handle, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "can't enter a machine's network")
    finally:
        os.close(handle)


def _run(*argv: str) -> None:
    try:
        subprocess.run(argv, check=True, timeout=LIMIT_S, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    except subprocess.SubprocessError as problem:
        raise OSError(str(problem))
