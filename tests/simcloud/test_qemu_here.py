"""What is said where QEMU machines can't be had."""

from __future__ import annotations

import os
import platform
import shutil
from pathlib import Path

import pytest

from mngr.simcloud.machines.base import Unavailable
from mngr.simcloud.machines.qemu import require


def test_without_qemu_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(shutil, "which", lambda program: None)
    with pytest.raises(
        Unavailable, match=r"qemu-img, setpriv: apt-get install .* qemu-system-x86 qemu-utils"
    ):
        require((22,))


def test_a_low_port_takes_root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    start = tmp_path / "ip_unprivileged_port_start"
    start.write_text("1024\n")
    monkeypatch.setattr("mngr.simcloud.machines.qemu.FIRST_FREE_PORT", start)
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(shutil, "which", lambda program: f"/usr/bin/{program}")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    require((2222,))
    with pytest.raises(Unavailable, match=r"run simcloud as root, or sysctl .*=22"):
        require((2222, 22))
