"""`mngr vm` as a user types it, on a libvirt of the tests' own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mngr.testing.libvirtd import Libvirtd, missing
from mngr.vms.hypervisor import Hypervisor, connect

BOOT_LIMIT_S = 400
"""An emulated boot takes half a minute of two idle processors; others may be at work on these."""


@contextmanager
def own_libvirtd(own_network: bool = False) -> Iterator[Libvirtd]:
    """One that ends with the block. Skips the test where there is none."""
    if why := missing():
        pytest.skip(why)
    daemon = Libvirtd(own_network)
    try:
        yield daemon
    finally:
        daemon.stop()


@dataclass
class Place:
    """A libvirt, and a folder for the disks of its VMs; `mngr vm` as a user types it."""

    uri: str
    folder: Path
    env: dict[str, str]

    def mngr(self, *words: str, code: int = 0, timeout: float = 600) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "mngr", "vm", *words],
            capture_output=True, text=True, timeout=timeout, env=self.env, stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
        assert done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
        return done

    def told(self, *words: str, code: int = 0) -> Any:
        return json.loads(self.mngr(*words, "--format", "json", code=code).stdout)

    def dies(self, point: str, when: str, *words: str) -> None:
        """`mngr vm WORDS…`, killed at a point (see dying.py)."""
        done = subprocess.run(
            [sys.executable, str(Path(__file__).with_name("dying.py")), point, when, "vm", *words],
            capture_output=True, text=True, timeout=120, env=self.env, stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
        assert done.returncode == -signal.SIGKILL, (point, done.returncode, done.stdout, done.stderr)

    @contextmanager
    def hypervisor(self) -> Iterator[Hypervisor]:
        with connect(self.uri, self.env) as found:
            yield found

    def names(self) -> list[str]:
        return [one["name"] for one in self.told("list")["vms"]]

    def files(self) -> list[str]:
        """What is in the folder and in the journal beside the disks, but for the one lock that stays."""
        found = [path for path in self.folder.rglob("*") if not path.is_dir()] if self.folder.is_dir() else []
        return sorted(str(path.relative_to(self.folder)) for path in found if path.name != "notes.lock")


def place_at(uri: str, folder: Path) -> Place:
    env = {
        "PATH": os.environ["PATH"], "HOME": str(folder), "MNGR_HOME": str(folder / "home"), "LIBVIRT_URI": uri,
        "LIBVIRT_STORAGE_PATH": str(folder / "disks"),
    }  # fmt: skip
    env |= {name: value for name, value in os.environ.items() if name.startswith("LEFTOVERS")}
    return Place(uri, folder / "disks", env)


def small(blank: Path, *more: str) -> list[str]:
    """Options of a VM that runs and boots nothing."""
    return [
        "--image",
        str(blank),
        "--memory",
        "64",
        "--vcpus",
        "1",
        "--disk",
        "1",
        "--network",
        "user",
        "--no-wait",
        *more,
    ]
