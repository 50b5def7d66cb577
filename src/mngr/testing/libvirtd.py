"""A libvirtd of one's own, for tests and the demo, in namespaces: it sees no other libvirt's files, and nothing that it started outlives it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from mngr.qemu import kvm
from mngr.vms import library

PROGRAMS = ("libvirtd", "qemu-system-x86_64", "qemu-img", "unshare")
START_LIMIT_S = 60.0

SETTINGS = """
listen_tls = 0
auth_unix_rw = "none"
auth_unix_ro = "none"
unix_sock_dir = "{sockets}"
"""

QEMU_SETTINGS = """
user = "root"
group = "root"
security_driver = "none"
stdio_handler = "file"
namespaces = []
cgroup_controllers = []
"""

#: Its arguments: the folder that this is all in, whether there is a KVM that works, and whether it is in a network namespace of
#: its own, with a bridge br-tests. Without one /dev/kvm is hidden, as
#: libvirt asks QEMU all over again at each definition of a VM where that is there without working (76 s each time).
SCRIPT = r"""
set -eu
top=$1
PATH=$PATH:/usr/sbin:/sbin
mount -t tmpfs run /run
mkdir /run/libvirt /run/lock  # a console has its lock there
if [ ! -d /etc/libvirt ]; then  # Debian's package makes none, and this computer's /etc stays as it is
    cp -a /etc "$top/whole-etc"
    mkdir "$top/whole-etc/libvirt"
    mount --bind "$top/whole-etc" /etc
fi
for place in etc/libvirt var/lib var/log var/cache; do
    mkdir -p "$top/$place"
    mount --bind "$top/$place" "/$place"
done
cp "$top/qemu.conf" /etc/libvirt/qemu.conf
if ! getent passwd libvirt-qemu >/dev/null; then
    { cat /etc/passwd; echo 'libvirt-qemu:x:64055:64055::/nonexistent:/usr/sbin/nologin'; } >"$top/passwd"
    { cat /etc/group; echo 'libvirt-qemu:x:64055:'; echo 'kvm:x:64056:'; } >"$top/group"
    mount --bind "$top/passwd" /etc/passwd
    mount --bind "$top/group" /etc/group
fi
if [ "$2" = hide-kvm ] && [ -e /dev/kvm ]; then
    mkdir "$top/dev"
    mount -t tmpfs dev "$top/dev"
    for one in null zero full random urandom tty; do
        : >"$top/dev/$one"
        mount --bind "/dev/$one" "$top/dev/$one"
    done
    mkdir "$top/dev/pts" "$top/dev/shm" "$top/dev/net"
    mknod "$top/dev/net/tun" c 10 200
    mount -t devpts -o newinstance,ptmxmode=0666 devpts "$top/dev/pts"
    ln -s pts/ptmx "$top/dev/ptmx"
    mount --move "$top/dev" /dev
fi
if [ "$3" = own-network ]; then
    mount -t sysfs sysfs /sys
    ip link set lo up
    ip link add br-tests type bridge
fi
while :; do
    rm -f "$top/again"
    libvirtd -f "$top/libvirtd.conf" </dev/null || :
    [ -e "$top/again" ] || exit 1
done
"""


class Libvirtd:
    """Started by the constructor; `uri` is where it is. Raises AssertionError if it doesn't come up."""

    def __init__(self, own_network: bool = False) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="mngr-libvirtd-"))
        sockets = self.folder / "sockets"
        sockets.mkdir()
        (self.folder / "libvirtd.conf").write_text(SETTINGS.format(sockets=sockets))
        (self.folder / "qemu.conf").write_text(QEMU_SETTINGS)
        self.socket = sockets / "libvirt-sock"
        self.uri = f"qemu+unix:///system?socket={quote(str(self.socket))}"
        self._log = (self.folder / "log").open("wb")
        self._process = subprocess.Popen(
            [
                *(
                    "unshare",
                    "--mount",
                    "--pid",
                    "--fork",
                    "--mount-proc",
                    "--kill-child",
                    *(["--net"] if own_network else []),
                ),
                *("sh", "-c", SCRIPT, "sh", str(self.folder), "" if kvm.works() else "hide-kvm"),
                "own-network" if own_network else "",
            ],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        self._wait_until_it_answers()

    def restart(self) -> None:
        """The daemon alone: its VMs run on."""
        (self.folder / "again").touch()
        os.kill(self._pid(), signal.SIGTERM)
        end = time.monotonic() + START_LIMIT_S
        while (self.folder / "again").exists():
            assert time.monotonic() < end, self.log()
            time.sleep(0.05)
        self._wait_until_it_answers()

    def _wait_until_it_answers(self) -> None:
        end = time.monotonic() + START_LIMIT_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > end:
                said = self.log()
                self.stop()
                raise AssertionError(f"libvirtd didn't come up:\n{said}")
            time.sleep(0.05)

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def inside(self, *argv: str) -> str:
        """What a command prints in its network namespace."""
        words = [*self.in_its_network(), "-m", "-p", *argv]
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout

    def in_its_network(self) -> list[str]:
        """What has a command see its networks, but this computer's files, if it is put before it."""
        return ["nsenter", "-t", str(self._pid()), "-n"]

    def _pid(self) -> int:
        own = str(self.folder / "libvirtd.conf").encode()
        found = [
            int(path.parent.name)
            for path in Path("/proc").glob("[0-9]*/cmdline")
            if _argv(path)[:3] == [b"libvirtd", b"-f", own]
        ]
        assert len(found) == 1, found
        return found[0]

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """It takes up connections (the kernel does) and answers nothing for as long as the block takes."""
        pid = self._pid()
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def stop(self) -> None:
        """Ends it and all that runs in its namespaces."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)  # the kernel then ends what it has started
        self._process.wait()
        self._log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _answers(self) -> bool:
        libvirt = library.load()
        if not self.socket.exists():
            return False
        try:
            libvirt.open(self.uri).close()
        except libvirt.libvirtError:
            return False
        return True


def _argv(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().split(b"\0")
    except OSError:  # it ended
        return []


def missing() -> str:
    """Why it can't be started here; empty if it can."""
    if os.geteuid():
        return "a libvirtd in namespaces takes root"
    path = f"{os.environ.get('PATH', '')}:/usr/sbin"
    if lacking := [one for one in PROGRAMS if not shutil.which(one, path=path)]:
        return f"no {', '.join(lacking)}: run `scripts/setup test`"
    try:
        import libvirt  # noqa: F401
    except ImportError:
        return "no libvirt-python: run `scripts/setup test`"
    return ""
