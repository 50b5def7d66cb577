"""Who is at the other end of a loopback connection: the process, as Linux tells it in /proc."""

from __future__ import annotations

import os
import socket
import sys
from collections import deque
from collections.abc import Iterator
from pathlib import Path

PROC = Path("/proc")
_recent: deque[int] = deque(maxlen=16)
"""Processes that were found before: a client makes many calls, and a scan of all processes takes milliseconds."""


def client_of(connection: socket.socket) -> str:
    """A word for the client: the same on every connection of one process. Where the process can't be told, and for clients
    within this process, each connection is a client of its own."""
    try:
        there, here = connection.getpeername(), connection.getsockname()
        pid = _process(there, here)
    except (OSError, ValueError):
        return f"connection {id(connection)}"
    return f"process {pid}" if pid not in (None, os.getpid()) else f"connection {there[1]}"


def _process(there: tuple[str, int], here: tuple[str, int]) -> int | None:
    inode = _inode(_written(there), _written(here))
    if inode is None:
        return None
    wanted = f"socket:[{inode}]"
    for pid in _candidates():
        if _holds(pid, wanted):
            if pid not in _recent:
                _recent.appendleft(pid)
            return pid
    return None


def _inode(local: str, remote: str) -> str | None:
    """Of the client's socket: the row whose own end is what we see as the far one."""
    with (PROC / "net/tcp").open() as rows:
        for row in rows:
            words = row.split()
            if words[1:3] == [local, remote]:
                return words[9]
    return None


def _written(address: tuple[str, int]) -> str:
    """As the kernel writes it: four bytes as a number of this computer's byte order, and the port."""
    number = int.from_bytes(socket.inet_aton(address[0]), sys.byteorder)
    return f"{number:08X}:{address[1]:04X}"


def _candidates() -> Iterator[int]:
    recent = list(_recent)
    yield from recent
    every = sorted((int(one.name) for one in PROC.iterdir() if one.name.isdigit()), reverse=True)
    yield from (pid for pid in every if pid not in recent)


def _holds(pid: int, wanted: str) -> bool:
    """Whether it has that socket open; False for another user's, and for one that has just ended."""
    try:
        return any(os.readlink(one.path) == wanted for one in os.scandir(PROC / str(pid) / "fd"))
    except OSError:
        return False
