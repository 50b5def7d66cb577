"""What watch.sh takes for SSH activity, with a real sshd in a process namespace of its own.

The watcher looks each second here, and a connection of mngr's own is kept for 3 s.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mngr.hosts import events, scripts
from mngr.transport import quote

PATH = os.environ["PATH"] + ":/usr/sbin:/sbin"
pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("sshd", path=PATH), reason="needs root and sshd"
)

KEPT_S = 3
CONFIG = """Port {port}
ListenAddress 127.0.0.1
HostKey {top}/host
AuthorizedKeysFile {top}/key.pub
StrictModes no
UsePAM no
PermitRootLogin prohibit-password
PidFile none
Subsystem sftp internal-sftp
"""


class World:
    """A host dir with its watcher, an sshd beside it, and ways in."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.seen = top / "dir/activity/ssh"
        self.looked = top / "looked"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        for name in ("host", "key"):
            subprocess.run(["ssh-keygen", "-qt", "ed25519", "-N", "", "-f", top / name], check=True)
        (top / "dir").mkdir()
        (top / "sshd_config").write_text(CONFIG.format(port=self.port, top=top))
        (top / "idle.conf").write_text("mode=ssh\ntimeout=100000\nsignals=ssh\nhost_stop=exit\n")
        shutil.copy(top / "idle.conf", top / "dir")
        watch = scripts.text("watch").replace("every=3", "every=1").replace("kept=75", f"kept={KEPT_S}")
        watch = watch.replace("rarely=150", "rarely=0")
        assert "every=1" in watch
        assert f"kept={KEPT_S}" in watch
        assert "rarely=0" in watch
        # So that a test knows how often it has looked.
        watch = watch.replace("\tconfigure\n", f"\tconfigure\n\techo >>{self.looked}\n")
        (top / "watch.sh").write_text(watch)
        start = f"{shutil.which('sshd', path=PATH)} -D -f {top}/sshd_config & exec sh {top}/watch.sh {top}/dir none"
        Path("/run/sshd").mkdir(exist_ok=True)
        # With us it ends, however we do.
        self.processes = [
            subprocess.Popen(
                [
                    "setpriv",
                    "--pdeathsig",
                    "KILL",
                    "unshare",
                    "--pid",
                    "--fork",
                    "--mount-proc",
                    "--kill-child",
                    "sh",
                    "-c",
                    start,
                ],
                start_new_session=True,
            )
        ]
        self.looks(1)

    def looks(self, count: int) -> None:
        """Waits until the watcher has looked `count` times more."""
        wanted = self._looked() + count
        end = time.monotonic() + 60
        while self._looked() < wanted:
            assert time.monotonic() < end
            time.sleep(0.05)

    def _looked(self) -> int:
        return len(self.looked.read_text()) if self.looked.exists() else 0

    def ssh(self, *words: str, program: str = "ssh") -> None:
        """Starts `ssh WORDS…`, which stays."""
        port = "-P" if program == "sftp" else "-p"
        options = f"-F none -i {self.top}/key -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null {port} {self.port}"
        process = subprocess.Popen(
            [program, *options.split(), *words], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        self.processes.append(process)

    def end_last(self) -> None:
        _end(self.processes.pop())

    def counts(self) -> bool:
        """Whether the signal is seen in looks from now on."""
        self.seen.unlink(missing_ok=True)
        self.looks(2)
        return self.seen.exists()


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(30)
    if process.stdin:
        process.stdin.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    for process in reversed(world.processes):
        _end(process)


def until(what: Callable[[], bool]) -> bool:
    end = time.monotonic() + 30
    while not what():
        if time.monotonic() > end:
            return False
    return True


def test_nobody_is_no_activity_and_a_session_is(world: World) -> None:
    assert not world.counts()
    world.ssh("root@127.0.0.1", "sleep 1000")
    assert until(world.counts)
    world.end_last()
    assert until(lambda: not world.counts())


def test_a_session_is_also_while_an_agent_works_that_does_not_count(world: World) -> None:
    agent = world.top / "dir/agents/a"
    agent.mkdir(parents=True)
    (agent / "session").write_text("fix\n")
    works = 'echo "$$ $(cut -d " " -f 22 /proc/$$/stat) %0" >.p && mv .p process; while sleep 0.2; do echo works >>log; done'
    world.ssh("root@127.0.0.1", f"cd {agent} && exec sh -c {shlex.quote(works)}")
    assert until(lambda: (agent / "state").exists() and (agent / "state").read_text().startswith("running"))
    world.looks(3)  # it is known by now that it works
    assert world.counts()


def test_an_sftp_session_is(world: World) -> None:
    world.ssh("root@127.0.0.1", program="sftp")
    assert until(world.counts)


def test_a_connection_without_a_session_is_when_it_outlives_what_mngr_keeps(world: World) -> None:
    world.ssh("-N", "root@127.0.0.1")
    world.looks(1)
    assert not world.seen.exists()  # it might be one of mngr's, kept for the next command
    assert until(world.counts)
    world.end_last()
    assert until(lambda: not world.counts())


def test_who_hasnt_logged_in_isnt(world: World) -> None:
    with socket.create_connection(("127.0.0.1", world.port)) as stranger:
        assert stranger.recv(100).startswith(b"SSH-2.0")
        stranger.sendall(b"SSH-2.0-stranger\r\n")
        world.looks(KEPT_S + 4)
        assert not world.seen.exists()


def test_who_only_listens_to_what_agents_do_isnt(world: World) -> None:
    (world.top / "dir/agents").mkdir(exist_ok=True)
    world.ssh("root@127.0.0.1", quote.line(events.argv(str(world.top / "dir"), "none", -1)))
    assert until(lambda: bool(list((world.top / "dir/agents").glob(".listener-*"))))
    assert until(lambda: not world.counts())
    world.ssh("root@127.0.0.1", "sleep 1000")  # beside it, somebody else
    assert until(world.counts)
