"""Which simcloud process made a thing, and whether that process still lives."""

from __future__ import annotations

import fcntl
import os
import secrets
import tempfile
from pathlib import Path

LABEL = "mngr.simcloud.process"
"""On every Docker object of a run, beside the run's own label: several processes may share one run."""


def runtime_folder() -> Path:
    folder = Path(tempfile.gettempdir()) / f"mngr-simcloud-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


class Process:
    """This process, by an id of its own and a lock that the kernel drops when it ends."""

    def __init__(self) -> None:
        self.id = secrets.token_hex(5)
        self._path = runtime_folder() / f"process-{self.id}"
        self._handle = os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._handle, fcntl.LOCK_EX)

    def close(self) -> None:
        self._path.unlink(missing_ok=True)
        os.close(self._handle)


def lives(id: str) -> bool:
    """Whether the process of that id still runs on this computer."""
    try:
        handle = os.open(runtime_folder() / f"process-{id}", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(handle)
    (runtime_folder() / f"process-{id}").unlink(missing_ok=True)
    return False
