"""Loopback addresses for machines: each its own, none twice on one computer.

A process takes a block of 254 addresses, 127.N.M.0/24 with N from 20 to 35, and keeps it by a lock on a
file that the kernel drops when the process ends. Within its block it passes over any address where
something still listens, such as a machine that an ended process has left.
"""

from __future__ import annotations

import fcntl
import os
import socket
import threading

from mngr.simcloud.machines.process import runtime_folder

FIRST, LAST = 20, 35


class Addresses:
    """Hands out addresses in turn, so that a fresh machine rarely gets one that was just in use."""

    def __init__(self, ports: tuple[int, ...]) -> None:
        self._ports = ports
        self._lock = threading.Lock()
        self._used: set[str] = set()
        self._reserved: set[str] = set()
        self._turn = 0
        self._block, self._file = _take_block()

    def take(self, wanted: str = "") -> str:
        """A free address, the wanted one if it can be had."""
        with self._lock:
            if wanted in self._reserved:
                return wanted
            if wanted and wanted not in self._used and _free(wanted, self._ports):
                self._used.add(wanted)
                return wanted
            for _ in range(254):
                self._turn = self._turn % 254 + 1
                address = f"127.{self._block}.{self._turn}"
                if address not in self._used and _free(address, self._ports):
                    self._used.add(address)
                    return address
        raise RuntimeError(f"no loopback address is free in 127.{self._block}.0/24")

    def reserve(self) -> str:
        """A free address, which only who asks for it by name gets, as often as they like, until `release`."""
        address = self.take()
        with self._lock:
            self._reserved.add(address)
        return address

    def release(self, address: str) -> None:
        with self._lock:
            self._reserved.discard(address)
        self.give_back(address)

    def give_back(self, address: str) -> None:
        with self._lock:
            if address not in self._reserved:
                self._used.discard(address)

    def close(self) -> None:
        os.close(self._file)


def _take_block() -> tuple[str, int]:
    folder = runtime_folder()
    for second in range(FIRST, LAST + 1):
        for third in range(256):
            block = f"{second}.{third}"
            handle = os.open(folder / f"block-{block}", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(handle)
                continue
            return block, handle
    raise RuntimeError("every block of loopback addresses is taken by a running simcloud")


def _free(address: str, ports: tuple[int, ...]) -> bool:
    for port in ports:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except PermissionError:
                with socket.socket() as client:
                    client.settimeout(0.2)
                    if client.connect_ex((address, port)) == 0:
                        return False
            except OSError:
                return False
    return True
