"""Machines that boot in milliseconds, and stand-ins for `ssh` and `docker` that reach them.

    with Fakes() as fakes:
        fakes.path      goes in front of PATH: `ssh` checks pins and keys as the real one, then enters the machine
        fakes.env       MNGR_FAKES, for whoever runs `ssh` or the machines' command
        fakes.command   for simcloud: --machines fake --machines-cmd COMMAND

A machine is a process namespace over an overlay of this computer's file system: what runs in it is real, only the
network, the kernel and the Docker daemon aren't. The scripts in this folder are each a program of their own.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

CODE = Path(__file__).parent
NEEDED = ("perl", "unshare", "nsenter", "chroot", "flock", "tmux", "git", "rsync", "ssh-keygen", "sshd")
END_LIMIT_S = 20.0
PREFIX = "mngr-fakes-"
PERL = "/usr/bin/perl"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def unavailable() -> str:
    """Why fake machines can't be had here, "" if they can."""
    if os.geteuid() != 0:
        return "fake machines need root (for namespaces and overlay mounts)"
    path = os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin"
    missing = [name for name in NEEDED if not shutil.which(name, path=path)]
    if missing:
        return f"fake machines need {', '.join(missing)}"
    with tempfile.TemporaryDirectory(dir=_fast_folder()) as top:
        for name in ("upper", "work", "root"):
            os.mkdir(f"{top}/{name}")
        mount = f"mount -t overlay overlay -o lowerdir=/,upperdir={top}/upper,workdir={top}/work {top}/root"
        done = subprocess.run(
            ["unshare", "--mount", "--pid", "--uts", "--fork", "sh", "-c", mount],
            capture_output=True,
            text=True,
        )
        return f"fake machines need overlay mounts: {done.stderr.strip()}" if done.returncode else ""


class Fakes:
    """All fake machines of one test session. They end with `close`, or with this process, however it ends."""

    def __init__(self) -> None:
        remove_stale()
        self.root = Path(tempfile.mkdtemp(prefix=PREFIX, dir=_fast_folder()))
        for name in ("addresses", "machines", "disks", "bin"):
            (self.root / name).mkdir()
        self._lock = open(self.root / "session.lock", "w")  # noqa: SIM115  held for as long as we live
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self.path = self.root / "bin"
        self.command = self._program("machine")
        self._program("ssh")
        self._server = self._serve()
        # Perl says nothing of a locale that isn't there.
        self.env: Mapping[str, str] = {"MNGR_FAKES": str(self.root), "PERL_BADLANG": "0"}

    def __enter__(self) -> Fakes:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def start_docker(self) -> None:
        """A daemon at this computer's own address, and the `docker` that reaches it. Repeatable.

        It sees no files of this computer: contexts and archives go through standard input and output.
        """
        if (self.path / "docker").exists():
            return
        seed = self.root / "daemon-seed"
        seed.mkdir()
        (seed / "user-data").write_text("#cloud-config\n{}\n")
        (seed / "meta-data").write_text('{"local-hostname": "daemon", "public-keys": []}')
        boot = [str(self.command), "boot", "daemon", "127.0.0.1", str(seed)]
        subprocess.run(boot, check=True, env={**os.environ, **self.env}, timeout=60)
        top = self.root / "machines" / "daemon"
        program = self.path / "docker"
        program.write_text(
            f"#!/bin/sh\nread -r pid _ <{top}/pid\n"
            f'exec nsenter -t "$pid" -m -p -u -r env -i -C / PATH={PATH} docker "$@"\n'
        )
        program.chmod(0o755)

    def machines(self) -> list[str]:
        """The ids of the machines that are there, on or off."""
        return sorted(path.name for path in (self.root / "machines").iterdir())

    def root_of(self, address: str) -> Path:
        """The file system of the machine at `address`, while it is on."""
        top = Path((self.root / "addresses" / address).read_text())
        return Path("/proc") / (top / "pid").read_text().split()[0] / "root"

    def close(self) -> None:
        """Pulls every plug, and removes all disks. Raises RuntimeError if a machine doesn't go off. Repeatable."""
        self._lock.close()
        for path in self.root.glob("machines/*/pid"):
            _end(path)
        self._server.communicate()
        shutil.rmtree(self.root, ignore_errors=True)

    def _serve(self) -> subprocess.Popen[bytes]:
        """Who acts out all programs (server.py). It ends with its standard input."""
        begin = f"import sys; sys.path.insert(0, {str(CODE)!r}); import server; server.run()"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(self.root / "server"))
            listener.listen(64)
            return subprocess.Popen(
                [f"{sys.base_prefix}/bin/python3", "-ESP", "-c", begin, str(listener.fileno())],
                stdin=subprocess.PIPE, pass_fds=[listener.fileno()], start_new_session=True, cwd="/",
                env={**os.environ, "MNGR_FAKES": str(self.root)},
            )  # fmt: skip

    def _program(self, name: str) -> Path:
        path = self.path / name
        path.write_text(f'#!{PERL}\nunshift @ARGV, "{self.root}/server", "{name}"; do "{CODE}/client.pl";\n')
        path.chmod(0o755)
        return path


def remove_stale() -> None:
    """Removes what sessions left that were killed: their machines ended with them, their disks didn't."""
    for root in Path(_fast_folder() or tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            with open(root / "session.lock") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(root, ignore_errors=True)
        except OSError:
            continue  # somebody uses it, or removes it, or is just making it


def _end(path: Path) -> None:
    try:
        pid, born = path.read_text().split()
    except (OSError, ValueError):
        return
    end = time.monotonic() + END_LIMIT_S
    while _is(pid, born):
        if time.monotonic() > end:
            raise RuntimeError(f"fake machine {path.parent.name} doesn't go off")
        try:
            os.kill(int(pid), signal.SIGKILL)
        except ProcessLookupError:
            return
        time.sleep(0.01)


def _is(pid: str, born: str) -> bool:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return fields[19] == born and fields[0] != "Z"
    except (OSError, IndexError):
        return False


def _fast_folder() -> str | None:
    """Memory, where there is a file system in it: disks of fake machines are made and thrown away all the time."""
    return "/dev/shm" if os.path.ismount("/dev/shm") else None
