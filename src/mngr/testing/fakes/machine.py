"""Machines for `simcloud … --machines fake --machines-cmd`: `machine VERB ID ADDRESS SEED_DIR [DISK]`.

A machine is a process namespace whose root is an overlay over this computer's file system: it boots in about 50 ms,
keeps its disk when it is halted, and takes all its processes with it. Its state is a folder below $MNGR_FAKES:

    addresses/ADDRESS       the folder of the machine that has the address
    machines/ID/            upper, docker (its disk), seed (its user data), pid (its process 1, while it is on)
    session.lock            held by the test session: every machine ends when that is let go
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time

FAKES = os.environ["MNGR_FAKES"]
CODE = os.path.dirname(os.path.abspath(__file__))
LIMIT_S = 20.0
#: What a rented machine's disk doesn't have of this computer's.
HIDDEN = (
    "root",
    "tmp",
    "home",
    "srv",
    "mnt",
    "work",
    "mngr",
    "var/lib/docker",
    "var/lib/mngr",
    "var/lib/cloud",
    "etc/ssh",
    ".fakes",
)


def main(verb: str, id: str, address: str, seed: str, disk: str = "") -> int:
    top = os.path.join(FAKES, "machines", id)
    if verb == "boot":
        _make(top, seed, disk)
        _write(os.path.join(FAKES, "addresses", address), top)
        _on(top)
    elif verb in ("halt", "destroy"):
        _off(top)
        if verb == "destroy":
            _unlink(os.path.join(FAKES, "addresses", address))
            shutil.rmtree(top, ignore_errors=True)
    elif verb == "start":
        _on(top)
    elif verb == "reboot":
        _off(top)
        _on(top)
    elif verb == "snapshot":
        kept = os.path.join(FAKES, "disks", disk)
        _mkdir(kept)
        subprocess.run(["cp", "-a", "upper", "docker", kept], cwd=top, check=True)
    else:
        print(f"machine: no verb {verb}", file=sys.stderr)
        return 2
    return 0


def _make(top: str, seed: str, disk: str) -> None:
    for name in ("upper", "work", "root", "docker"):
        _mkdir(os.path.join(top, name))
    if disk:
        subprocess.run(["cp", "-a", f"{FAKES}/disks/{disk}/.", top], check=True)
    for name in HIDDEN:
        path = os.path.join(top, "upper", name)
        _mkdir(path)
        os.setxattr(path, "trusted.overlay.opaque", b"y")
    for name in ("host", "code", "seed"):
        _mkdir(os.path.join(top, "upper", ".fakes", name))
    _write(os.path.join(top, "upper", ".fakes", "server"), "")
    os.chmod(os.path.join(top, "upper", "tmp"), 0o1777)
    os.chmod(os.path.join(top, "upper", "root"), 0o700)
    shutil.copytree(seed, os.path.join(top, "seed"), dirs_exist_ok=True)


def _on(top: str) -> None:
    """Power on: returns when the machine has booted."""
    if _pid(top):
        return
    _write(os.path.join(top, "booted"), "")
    with open(os.path.join(top, "console.log"), "ab") as log:
        subprocess.Popen(
            ["unshare", "--mount", "--pid", "--uts", "--fork", "--propagation", "private", "/bin/sh", f"{CODE}/power-on.sh", top, CODE],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd="/",
            env={"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "MNGR_FAKES": FAKES},
        )  # fmt: skip
    _wait(lambda: os.path.getsize(os.path.join(top, "booted")) > 0, f"{top} to boot")


def _off(top: str) -> None:
    """Power off: at once, as pulling the plug."""
    pid = _pid(top)
    if pid:
        os.kill(pid, signal.SIGKILL)
        _wait(lambda: not _pid(top), f"{top} to go off")
    _unlink(os.path.join(top, "pid"))


def _pid(top: str) -> int:
    try:
        with open(os.path.join(top, "pid")) as file:
            pid, born = file.read().split()
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
        return int(pid) if fields[19] == born and fields[0] != "Z" else 0
    except (OSError, ValueError, IndexError):
        return 0


def _wait(done, what: str) -> None:
    end = time.monotonic() + LIMIT_S
    while not done():
        if time.monotonic() > end:
            raise SystemExit(f"machine: waited {LIMIT_S:g} s for {what}")
        time.sleep(0.003)


def _mkdir(path: str) -> None:
    os.makedirs(path, exist_ok=True)


def _write(path: str, text: str) -> None:
    _mkdir(os.path.dirname(path))
    with open(path, "w") as file:
        file.write(text)


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
