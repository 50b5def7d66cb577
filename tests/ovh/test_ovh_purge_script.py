"""The script that takes qemu's guest agent off a VPS, with package managers that say what a test wants."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from mngr.backends.ovh import install

#: Shows the agent until somebody removed it.
DPKG = "[ -e {folder}/removed ] || echo 'ii  qemu-guest-agent'; echo 'rc  qemu-utils'; echo 'un  qemu-kvm'; exit 1"
RPM = "[ -e {folder}/removed ] || echo qemu-guest-agent-8.2.0-11.el9.x86_64"
REMOVES = ": >{folder}/removed"


def run(folder: Path, **tools: str) -> subprocess.CompletedProcess[str]:
    """The script where nothing but these tools is installed."""
    for name, body in tools.items():
        path = folder / name.replace("_", "-")
        path.write_text(f"#!/bin/sh\n{body.format(folder=folder)}\n")
        path.chmod(0o755)
    (folder / "sed").symlink_to(shutil.which("sed") or "")
    script = (install.SCRIPTS / "purge-qemu.sh").read_text()
    return subprocess.run(
        ["/bin/sh", "-c", script], env={"PATH": str(folder)}, capture_output=True, text=True
    )


@pytest.mark.parametrize(
    "tools",
    [
        {"dpkg_query": DPKG, "apt_get": REMOVES},
        {"dpkg_query": DPKG.replace("ii", "hi"), "apt_get": REMOVES},
        {"dpkg_query": DPKG.replace("ii", "iF"), "apt_get": REMOVES},
        {"rpm": RPM, "dnf": REMOVES},
        {"dpkg_query": "exit 1", "apt_get": "exit 9"},
        {"rpm": "exit 0", "dnf": "exit 9"},
    ],
)
def test_it_is_removed_where_it_is(tmp_path: Path, tools: dict[str, str]) -> None:
    done = run(tmp_path, **tools)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "removed").exists() == (REMOVES in tools.values())


@pytest.mark.parametrize(
    ("tools", "said"),
    [
        ({}, "neither dpkg nor rpm"),
        ({"dpkg_query": DPKG, "apt_get": "exit 0"}, "still installed: qemu-guest-agent"),
        ({"rpm": RPM, "dnf": "exit 0"}, "still installed: qemu-guest-agent-8"),
        ({"dpkg_query": DPKG, "apt_get": "echo 'E: no lock' >&2; exit 100"}, "E: no lock"),
        ({"dpkg_query": "exit 2"}, "dpkg-query failed with exit code 2"),
        ({"rpm": "echo 'error: rpmdb' >&2; exit 1"}, "error: rpmdb"),
    ],
)
def test_it_fails_where_it_stays_or_that_can_t_be_told(
    tmp_path: Path, tools: dict[str, str], said: str
) -> None:
    done = run(tmp_path, **tools)
    assert done.returncode != 0
    assert said in done.stderr
