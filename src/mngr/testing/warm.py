"""mngr in a process that doesn't begin from nothing.

Of the 0.2 s of a processor that a short run of mngr takes, a fresh Python spends 0.17 on imports; tests run thousands.
So one process a worker imports all of mngr, and forks for each run. What is run is the same code, in a process of its own with
the environment, directory and streams it is given, that may be killed at any time. What only a fresh start can show (front
door, imports, an interpreter's settings) is tested by those who don't come here: tests/local, docker, e2e, programs.
"""

from __future__ import annotations

import contextlib
import gc
import io
import json
import os
import select
import selectors
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_BEGIN = "from mngr.testing.warm import serve; serve()"
_lock = threading.Lock()
_server: socket.socket | None = None


class Warm(subprocess.Popen[str]):
    """As `subprocess.Popen`, of `mngr ARGV…`: a child of the server's, which tells how it ended. `own_id`: a variable that holds
    its process id."""

    def __init__(self, argv: Sequence[str], env: Mapping[str, str], cwd: Path, own_id: str = "") -> None:
        self._asked = {"argv": [*argv], "env": dict(env), "cwd": str(cwd), "own_id": own_id}
        pipe = subprocess.PIPE
        super().__init__("mngr", stdin=pipe, stdout=pipe, stderr=pipe, text=True, errors="replace")

    # Popen's own way to begin and to wait: all else is as it is there.

    def _execute_child(self, *given: Any) -> None:
        its_input, _, _, its_output, _, its_errors = given[10:16]
        told, tells = os.pipe()
        its = [its_input, its_output, its_errors, tells]
        body = json.dumps(self._asked).encode()
        with _lock:
            server = _serving()
            socket.send_fds(server, [len(body).to_bytes(4, "big")], its)
            server.sendall(body)
        for fd in its:
            os.close(fd)
        self._told = io.FileIO(told)  # nothing is read ahead: what is left is waited for
        self.pid = int(self._told.readline())
        self._child_created = True

    def _internal_poll(self, **_: Any) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._wait(0)
        return self.returncode

    def _wait(self, timeout: float | None) -> int:
        if self.returncode is None:
            if not select.select([self._told], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
            self.returncode = os.waitstatus_to_exitcode(int(self._told.readline()))
            self._told.close()
        return self.returncode


def can(env: Mapping[str, str]) -> bool:
    """Whether a run in this environment begins as the server did, as far as Python's own settings go."""
    return hasattr(os, "pidfd_open") and _settings(env) == _settings(os.environ)


def _settings(env: Mapping[str, str]) -> dict[str, str]:
    return {
        name: env[name]
        for name in env
        if name.startswith(("PYTHON", "LC_")) or name in ("LANG", "MALLOC_ARENA_MAX")
    }


def _serving() -> socket.socket:
    """The connection to this process's server; it ends with us."""
    global _server
    if _server is None:
        _server, its = socket.socketpair()
        with its:
            subprocess.Popen(
                [sys.executable, "-P", "-c", _BEGIN], stdin=its.fileno(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                start_new_session=True,
            )  # fmt: skip
    return _server


# --- the server ---


def serve() -> None:
    """Forks a mngr for each request on standard input (a socket), and tells by the request's pipe its process id, and how it ended."""
    connection = socket.socket(fileno=os.dup(0))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    _load()
    gc.freeze()
    waited: dict[int, tuple[int, int]] = {}
    with selectors.DefaultSelector() as some:
        some.register(connection, selectors.EVENT_READ)
        while True:
            for key, _ in some.select():
                if key.fileobj is connection:
                    if not (got := _received(connection)):
                        return
                    asked, fds = got
                    pid = os.fork()
                    if not pid:
                        _become(asked, fds)
                    for fd in fds[:3]:
                        os.close(fd)
                    end = os.pidfd_open(pid)
                    waited[end] = pid, fds[3]
                    some.register(end, selectors.EVENT_READ)
                else:
                    pid, tells = waited.pop(key.fd)
                    some.unregister(key.fd)
                    with contextlib.suppress(BrokenPipeError):
                        os.write(tells, b"%d\n" % os.waitpid(pid, 0)[1])
                    os.close(tells)
                    os.close(key.fd)


def _received(connection: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    head, fds, _, _ = socket.recv_fds(connection, 4, 4)
    if len(head) < 4:
        return None
    left, body = int.from_bytes(head, "big"), b""
    while len(body) < left:
        if not (part := connection.recv(left - len(body))):
            return None
        body += part
    return json.loads(body), fds


def _load() -> None:
    """What runs of mngr import: all of it but what serves, and what is for tests."""
    import pkgutil
    from importlib import import_module

    import mngr

    others = ("mngr.testing", "mngr.simcloud", "mngr.vmservice", "mngr.__main__")

    def modules(path: Any, before: str) -> None:
        for one in pkgutil.iter_modules(path, before):
            if one.name.startswith(others):
                continue
            with contextlib.suppress(ImportError):
                module = import_module(one.name)
                if one.ispkg:
                    modules(module.__path__, f"{one.name}.")

    modules(mngr.__path__, "mngr.")


def _become(asked: dict[str, Any], fds: list[int]) -> None:
    """Here, in the forked process. Never returns."""
    code = 1
    try:
        os.setsid()
        os.write(fds[3], b"%d\n" % os.getpid())
        for target, fd in enumerate(fds[:3]):
            os.dup2(fd, target)
        os.closerange(3, 4096)
        os.chdir(asked["cwd"])
        os.environ.clear()
        os.environ.update(asked["env"])
        if asked["own_id"]:
            os.environ[asked["own_id"]] = str(os.getpid())
        time.tzset()
        sys.argv = ["-c", *asked["argv"]]
        from mngr.cli.main import main

        main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.flush()
        os._exit(code)
