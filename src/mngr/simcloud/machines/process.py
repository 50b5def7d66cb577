"""Which simcloud process made a thing, and whether that process still lives."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
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
        new = runtime_folder() / f"new-{self.id}"
        new.mkdir(mode=0o700)
        self._handle = os.open(new / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._handle, fcntl.LOCK_EX)
        self.folder = new.rename(_folder(self.id))

    def close(self) -> None:
        """Remove the process's folder with all that is in it."""
        shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self._handle)


def lives(id: str) -> bool:
    """Whether the process of that id still runs on this computer."""
    try:
        handle = os.open(_folder(id) / "lock", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False


def forget_ended() -> None:
    """Remove the folders of processes that were killed before they could do so."""
    for folder in runtime_folder().glob("process-*"):
        if not lives(folder.name.removeprefix("process-")):
            shutil.rmtree(folder, ignore_errors=True)


def _folder(id: str) -> Path:
    return runtime_folder() / f"process-{id}"
