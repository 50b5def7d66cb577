"""Provider `libvirt` as a user meets it where libvirt isn't there: one line, soon, and the rest is listed."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest

from mngr.testing.cli import Cli
from mngr.testing.local import clean_environment

#: `list` takes 8 s, and starts.
LIMIT_S = 25


def cli(tmp_path: Path, **more: str) -> Cli:
    env = {**clean_environment(), "MNGR_HOME": str(tmp_path / "home"), "HOME": str(tmp_path)}
    return Cli({**env, "MNGR__PROVIDERS__LIBVIRT__STORAGE_PATH": str(tmp_path / "disks"), **more}, tmp_path)


def uri(path: Path) -> dict[str, str]:
    return {"MNGR__PROVIDERS__LIBVIRT__URI": f"test+unix:///default?socket={path}"}


def test_a_daemon_that_is_down_is_an_error_row(tmp_path: Path) -> None:
    pytest.importorskip("libvirt", reason="libvirt's Python library isn't installed")
    done = cli(tmp_path, **uri(tmp_path / "nosuch"))("list", "--format", "json", codes=(5,))
    [row] = done.json()["errors"]
    assert row["provider"] == "libvirt"
    assert "no connection to libvirt" in row["error"]
    assert "systemctl start libvirtd" in row["hint"]


def test_one_that_hangs_is_not_waited_for(tmp_path: Path) -> None:
    pytest.importorskip("libvirt", reason="libvirt's Python library isn't installed")
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "socket"))
        silent.listen()
        began = time.monotonic()
        done = cli(tmp_path, **uri(tmp_path / "socket"))("list", "--format", "json", codes=(5,))
    assert time.monotonic() - began < LIMIT_S
    assert [row["provider"] for row in done.json()["errors"]] == ["libvirt"]


def test_without_libvirts_library_one_line_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "libvirt.py").write_text("raise ImportError('no libvirt')\n")
    mngr = cli(tmp_path, PYTHONPATH=str(tmp_path))
    [row] = mngr("list", "--format", "json", codes=(5,)).json()["errors"]
    assert "pip install 'mngr[libvirt]'" in row["hint"]
    made = mngr("create", "one", "--provider", "libvirt", "--no-connect", "--no-code", "--yes")
    assert made.code in (1, 5)
    assert "pip install 'mngr[libvirt]'" in made.err
    assert "Traceback" not in made.err


def test_nobody_is_asked_who_didnt_configure_it(tmp_path: Path) -> None:
    (tmp_path / "libvirt.py").write_text("raise SystemExit('imported')\n")
    env = {**clean_environment(), "MNGR_HOME": str(tmp_path / "home"), "LIBVIRT_URI": "qemu:///system"}
    done = Cli({**env, "PYTHONPATH": str(tmp_path)}, tmp_path)("list", "--format", "json", codes=(0,))
    assert done.json()["errors"] == []
