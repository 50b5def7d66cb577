"""The loopback port of each host's sshd: chosen once, the same for the container's whole life."""

import contextlib
import os
from pathlib import Path

from mngr.model.errors import MngrError

#: Below the ports that Linux and macOS give to outgoing connections, which could take a stopped host's port.
FIRST, LAST = 20000, 32767


class Ports:
    """One file a port in `folder`, with the host's id in it. Several processes may reserve at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def reserve(self, host_id: str, avoid: frozenset[int] = frozenset()) -> int:
        """The host's port: the one it has, or a free one. Raises MngrError if there is none."""
        for port, owner in self.taken().items():
            if owner == host_id and port not in avoid:
                return port
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        import hashlib

        size = LAST - FIRST + 1
        start = int.from_bytes(hashlib.sha256(host_id.encode()).digest()[:4])
        for step in range(size):
            port = FIRST + (start + step) % size
            if port not in avoid and _is_free(port) and self._take(port, host_id):
                return port
        raise MngrError(f"no port from {FIRST} to {LAST} is free on this computer")

    def keep(self, host_id: str, port: int) -> None:
        """Notes that the host has `port` (its container was made before), and no other."""
        for other, owner in self.taken().items():
            if owner == host_id and other != port:
                self._file(other).unlink(missing_ok=True)
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._take(port, host_id)

    def free(self, host_id: str) -> None:
        """Gives back what the host has. Repeatable."""
        for port, owner in self.taken().items():
            if owner == host_id:
                self._file(port).unlink(missing_ok=True)

    def taken(self) -> dict[int, str]:
        """Port → host id."""
        found: dict[int, str] = {}
        if self.folder.is_dir():
            for path in self.folder.iterdir():
                with contextlib.suppress(OSError):
                    if path.name.isdigit():
                        found[int(path.name)] = path.read_text().strip()
        return found

    def _file(self, port: int) -> Path:
        return self.folder / str(port)

    def _take(self, port: int, host_id: str) -> bool:
        """Whether we have it now. The file appears with its content, so nobody reads an empty one."""
        part = self.folder / f".{host_id}.{os.getpid()}"
        part.write_text(host_id + "\n")
        try:
            os.link(part, self._file(port))
            return True
        except FileExistsError:
            return False
        finally:
            part.unlink()


def _is_free(port: int) -> bool:
    import socket

    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
