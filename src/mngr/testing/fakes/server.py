"""What the fakes' programs do. Tests run them by the thousand, and a Python that starts takes longer than what it is to do;
so one process a session has all imported, and forks for each run.

A program in PATH is client.pl: it connects, and waits. Its fork has its words, environment, directory and open files, and for
those of a machine also its namespaces and root; it goes on in its own process where it is to become another one (Become).
"""

from __future__ import annotations

import ctypes
import fcntl
import gc
import io
import os
import select
import signal
import socket
import struct
import sys
import traceback
from collections.abc import Callable
from contextlib import closing, redirect_stderr, suppress
from importlib import import_module

from become import Become

CODE = os.path.dirname(os.path.abspath(__file__))
NEW_MOUNT, NEW_UTS, NEW_PID = 0x00020000, 0x04000000, 0x20000000
#: https://man7.org/linux/man-pages/man2/pidfd_getfd.2.html; the number is the same on all architectures.
PIDFD_GETFD = 438
#: Programs of a machine's.
INSIDE = ("docker", "cloud-init")

Program = Callable[[list[str]], int]

_libc = ctypes.CDLL(None, use_errno=True)


def run() -> None:
    """Serves until standard input ends. `argv[1]`: the listening socket's number."""
    sys.path.insert(0, os.path.join(CODE, "docker"))
    ssh, machine, cloud_init, docker = map(import_module, ("ssh", "machine", "cloud_init", "commands"))
    programs: dict[str, Program] = {
        "machine": lambda words: machine.main(*words),
        "docker": docker.main,
        "cloud-init": lambda words: cloud_init.main(*words),
    }
    listener = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    own = os.open("/proc/self/ns/pid", os.O_RDONLY)
    gc.freeze()
    while 0 not in select.select([0, listener], [], [])[0]:
        connection, _ = listener.accept()
        with connection:
            try:
                asked = _Asked(connection)
                if asked.program == "ssh":
                    connection.sendall(_told(ssh.main, asked))
                    continue
                with closing(_Peer(connection)) as peer:
                    _enter(peer.fd, NEW_PID)  # that is, who is born from now on
                    if not os.fork():
                        _serve(connection, asked, peer, programs)
            except Exception as problem:  # it has gone, or its machine has; nobody else suffers by that
                if not isinstance(problem, OSError):
                    traceback.print_exc()
                continue
            finally:
                _enter(own, NEW_PID)


class _Asked:
    """What is to be run: by whom client.pl says it is."""

    def __init__(self, connection: socket.socket) -> None:
        said = b""
        while part := connection.recv(1 << 16):
            said += part
        count, *rest = map(os.fsdecode, said.split(b"\0"))
        if not count:
            raise OSError("a client that was killed")
        self.program, *self.words = rest[: int(count)]
        self._there, *environment = rest[int(count) :]
        self.environment = {key: value for key, _, value in (line.partition("=") for line in environment)}

    def go_there(self) -> None:
        with suppress(OSError):  # it may have been removed meanwhile
            os.chdir(self._there)


class _Peer:
    """Who asks."""

    def __init__(self, connection: socket.socket) -> None:
        self.id = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
        self.fd = os.pidfd_open(self.id)
        self.root = os.open(f"/proc/{self.id}/root", os.O_RDONLY | os.O_DIRECTORY)

    def close(self) -> None:
        os.close(self.fd)
        os.close(self.root)

    def take_files(self) -> None:
        """Its standard streams become ours."""
        for fd in (0, 1, 2):
            got = _libc.syscall(PIDFD_GETFD, self.fd, fd, 0)
            if got >= 0:
                os.dup2(got, fd)
                os.close(got)

    def enter(self) -> None:
        """Its mounts, host name and root become ours."""
        _enter(self.fd, NEW_MOUNT | NEW_UTS)
        os.fchdir(self.root)
        os.chroot(".")


def _serve(connection: socket.socket, asked: _Asked, peer: _Peer, programs: dict[str, Program]) -> None:
    """In the forked process: one run of a program. Never returns."""
    answer = b""
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        peer.take_files()
        _end_with(connection)
        os.environ.clear()
        os.environ.update(asked.environment)
        if asked.program in INSIDE:
            peer.enter()
        asked.go_there()
        answer = _answer(programs[asked.program], asked.words)
    except BaseException:
        traceback.print_exc()
    finally:
        try:
            connection.sendall(answer)
        finally:
            os._exit(0)


def _end_with(connection: socket.socket) -> None:
    """When our client is killed, so are we: SIGIO's way."""
    fcntl.fcntl(connection, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(connection, fcntl.F_SETFL, fcntl.fcntl(connection, fcntl.F_GETFL) | os.O_ASYNC)
    looks = select.poll()
    looks.register(connection, 0)
    if looks.poll(0):  # it was already
        os._exit(1)


def _told(program: Program, asked: _Asked) -> bytes:
    """The answer of a program that only looks, and says something on standard error: without a process of its own."""
    asked.go_there()
    with redirect_stderr(io.StringIO()) as said:
        answer = _answer(program, asked.words)
    if not said.getvalue():
        return answer
    saying = ["/bin/sh", "-c", 'printf %s "$1" >&2; exit "$2"', "sh", said.getvalue(), answer.decode()]
    return _become(Become(saying))


def _answer(program: Callable[[list[str]], int], words: list[str]) -> bytes:
    try:
        try:
            code = program(words)
        except SystemExit as end:
            code = end.code
        sys.stdout.flush()
        return b"%d" % code
    except Become as become:
        sys.stdout.flush()
        return _become(become)
    except BrokenPipeError:
        return b"141"


def _become(become: Become) -> bytes:
    return b"\0".join(map(os.fsencode, ["null" if become.silent else "", *become.argv]))


def _enter(fd: int, kinds: int) -> None:
    """setns(2). Raises OSError."""
    if _libc.setns(fd, kinds):
        raise OSError(ctypes.get_errno(), "setns")
