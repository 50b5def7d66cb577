"""The names of a run's machines, as a hosts file of its own: no name server and no /etc/hosts knows them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

ALWAYS = "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n"
"""So that it can take the place of an /etc/hosts."""


class Hosts:
    """Without a path, nothing is written: the cloud runs in a test's own process."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self._written = ""
        self.write({})

    def write(self, addresses: Mapping[str, str]) -> None:
        """Have the file say so, name to address, and no more. It stays the same file, as it may be mounted somewhere; who reads
        it meanwhile finds each name that was and stays."""
        lines = sorted(f"{address} {name}\n" for name, address in addresses.items() if address)
        text = ALWAYS + "".join(lines)
        if self.path is None or text == self._written:
            return
        self._written = text
        handle = os.open(self.path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o644)
        try:
            size = os.fstat(handle).st_size
            raw = text.encode()
            os.pwrite(handle, raw.ljust(size, b"\n"), 0)  # one write: what was longer is blank, then cut off
            os.ftruncate(handle, len(raw))
        finally:
            os.close(handle)
