"""A connection to libvirt whose calls come to an end: libvirt's own wait for ever if libvirtd gives no sign of life.

Each call is made in a thread of its own, which is left behind if it doesn't come back: when libvirtd takes up no other connection
meanwhile, or at the call's limit, as libvirtd itself may wait for a QEMU. libvirt's own keepalive isn't used: with calls of several
threads on a connection that it ends, libvirt 9.0 frees one of them only, or crashes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mngr.vms.library import Silent

#: After so long without an answer it is tried whether libvirtd takes up another connection, and it may take so long for that.
PATIENCE_S, OPEN_LIMIT_S = 10.0, 20.0
#: So long any call may take, and so long those that take their time.
CALL_LIMIT_S, LONG_LIMIT_S = 60.0, 1800.0
LONG = {
    "create", "createWithFlags", "createXML", "defineXML", "destroy", "destroyFlags", "undefineFlags", "managedSave", "blockResize",
    "snapshotCreateXML", "revertToSnapshot", "delete", "refresh", "build",
}  # fmt: skip
#: Those that ask nobody, and answer with text or numbers.
LOCAL = {"name", "getName", "UUIDString", "UUID", "ID"}
_KINDS = {
    "virConnect", "virDomain", "virDomainSnapshot", "virNetwork", "virStoragePool", "virStorageVol", "virNodeDevice", "virInterface",
}  # fmt: skip
HINT = "`systemctl restart libvirtd` starts it anew, and VMs go on meanwhile"


@dataclass
class _Line:
    """What all objects of a connection share. `silent`: libvirtd took up no other connection; then no call is tried any more."""

    libvirt: Any
    uri: str
    silent: bool = False


class Bounded:
    """One of libvirt's objects. Its methods raise Silent, too; objects that they answer with are bounded as well."""

    def __init__(self, real: Any, line: _Line) -> None:
        self._real, self._line = real, line

    def isAlive(self) -> bool:  # libvirt's name
        return not self._line.silent and bool(self._real.isAlive())

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._real, name)
        if name in LOCAL or not callable(found):
            return found

        def call(*args: Any, **kwargs: Any) -> Any:
            def work() -> Any:
                return found(*map(_real, args), **{key: _real(one) for key, one in kwargs.items()})

            limit_s = LONG_LIMIT_S if name in LONG else CALL_LIMIT_S
            return _wrapped(_in_time(work, f"libvirt's {name}", limit_s, self._line), self._line)

        return call


def connection(libvirt: Any, uri: str) -> Any:
    """Raises libvirtError; Silent if libvirtd doesn't answer within OPEN_LIMIT_S."""
    if uri.startswith("test:"):
        return libvirt.open(uri)  # within this process
    return Bounded(_opened(libvirt, uri), _Line(libvirt, uri))


def _opened(libvirt: Any, uri: str) -> Any:
    return _in_time(lambda: libvirt.open(uri), f"a connection to {uri}", OPEN_LIMIT_S)


def _in_time(work: Callable[[], Any], what: str, limit_s: float, line: _Line | None = None) -> Any:
    """What `work` answers or raises. Raises Silent if that takes too long, or the line is found to be silent."""
    done, answers, problems = threading.Event(), [], []

    def run() -> None:
        try:
            answers.append(work())
        except BaseException as problem:  # it is raised where it is waited for
            problems.append(problem)
        done.set()

    began = time.monotonic()
    if line is not None and line.silent:
        raise Silent("libvirtd gives no sign of life", hint=HINT)
    threading.Thread(target=run, name=what, daemon=True).start()
    while not done.wait(PATIENCE_S if line else limit_s):
        if line is not None and not (_lives(line) or done.is_set()):
            line.silent = True
            raise Silent(f"libvirtd gave no sign of life for {time.monotonic() - began:.0f} s", hint=HINT)
        if time.monotonic() - began >= limit_s and not done.is_set():
            raise Silent(f"{what} didn't come to an end within {limit_s:g} s", hint=HINT)
    if problems:
        raise problems[0]
    return answers[0]


def _lives(line: _Line) -> bool:
    try:
        _opened(line.libvirt, line.uri).close()
    except (Silent, line.libvirt.libvirtError):
        return False
    return True


def _real(value: Any) -> Any:
    return value._real if isinstance(value, Bounded) else value


def _wrapped(value: Any, line: _Line) -> Any:
    if isinstance(value, list | tuple):
        return type(value)(_wrapped(one, line) for one in value)
    return Bounded(value, line) if type(value).__name__ in _KINDS else value
