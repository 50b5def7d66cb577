"""The audit log: who did what, when, from where, and what came of it; refused calls too. JSON lines, never a body, a token or a query.

A call that changes something has two lines: `begin`, on disk before it is done, and `end` with its status. Where that first line
can't be written the call is refused (fail closed); a last line that can't be written is told in the service's own log.
"""

from __future__ import annotations

import logging
import os
import secrets
import sys
import threading
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from mngr.model.clock import iso
from mngr.model.errors import Unreachable

LOG = logging.getLogger("mngr.vmservice")
#: A file has so many bytes at most, and so many older ones are kept: .1 is the newest of them.
MOST_BYTES, MOST_OLD = 10 * 1024**2, 4
MOST_SHOWN = 200


@dataclass
class Entry:
    """One call. `who`: a token's name; "" if it had none that is known. `address`: the caller's. `began`: seconds since the epoch."""

    address: str
    method: str
    path: str
    began: float
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    who: str = ""
    scope: str = ""
    action: str = ""
    target: str = ""
    operation: str = ""
    begun: bool = False
    #: In place of the answer's, which over MCP is 200 for a call that fails, too.
    status: int = 0


CURRENT: ContextVar[Entry | None] = ContextVar("audit", default=None)


def operation(id: str) -> None:
    """The call that runs here has become that operation, or has joined it."""
    if entry := CURRENT.get():
        entry.operation = id


def target(asked: object) -> str:
    """What a call is about. A VM's network and pool are no targets."""
    for names in (("vmName", "vm", "keyName", "snapshot", "name", "operation"), ("network", "pool")):
        if found := "/".join(str(value) for one in names if (value := getattr(asked, one, ""))):
            return found
    return ""


class Audit:
    """Threads may share it. `file`: None writes to standard error instead."""

    def __init__(self, file: Path | None, most_bytes: int = MOST_BYTES) -> None:
        self._file, self._most = file, most_bytes
        self._lock = threading.Lock()

    def begin(self, entry: Entry) -> None:
        """A change is about to be made. Raises Unreachable if that can't be put on disk."""
        try:
            self._write(_line("begin", entry, entry.began), sync=True)
        except OSError as problem:
            raise Unreachable(
                f"the audit log can't be written, so nothing is changed: {problem.strerror}",
                hint="is the disk full? VM_PROVISIONER_AUDIT names another file, or stderr",
            ) from None
        entry.begun = True

    def end(self, entry: Entry, status: int, now: float) -> None:
        line = _line("end" if entry.begun else "call", entry, now)
        line |= {"status": status, "seconds": round(max(0.0, now - entry.began), 3)}
        try:
            self._write(line)
        except OSError as problem:
            LOG.error("the audit log can't be written (%s): %s", problem, _text(line))

    def ended(self, operation: str, action: str, target: str, outcome: str, now: float) -> None:
        """An operation, which may have gone on after the call that began it."""
        line = {
            "at": iso(now),
            "event": "operation",
            "operation": operation,
            "action": action,
            "target": target,
            "outcome": outcome,
        }
        try:
            self._write(line)
        except OSError as problem:
            LOG.error("the audit log can't be written (%s): %s", problem, _text(line))

    def _write(self, line: Mapping[str, object], sync: bool = False) -> None:
        text = _text(line).encode() + b"\n"
        with self._lock:
            if self._file is None:
                sys.stderr.write(text.decode())
                sys.stderr.flush()
                return
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            fd = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                if 0 < os.fstat(fd).st_size > self._most - len(text):
                    self._turn()
                    os.close(fd)
                    fd = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
                if os.write(fd, text) != len(text):
                    raise OSError(28, "a line was cut off: the disk is full")
                if sync:
                    os.fsync(fd)
            finally:
                os.close(fd)

    def _turn(self) -> None:
        """`audit.jsonl` becomes `audit.jsonl.1`, and so on; the oldest goes."""
        assert self._file is not None
        names = [self._file, *(Path(f"{self._file}.{number}") for number in range(1, MOST_OLD + 1))]
        for older, newer in zip(reversed(names), reversed(names[:-1]), strict=False):
            if newer.exists():
                os.replace(newer, older)


def _line(event: str, entry: Entry, at: float) -> dict[str, object]:
    return {
        "at": iso(at), "event": event, "id": entry.id, "who": entry.who, "scope": entry.scope, "from": entry.address,
        "method": entry.method[:20], "path": entry.path[:MOST_SHOWN], "action": entry.action, "target": entry.target[:MOST_SHOWN],
        "operation": entry.operation,
    }  # fmt: skip


def _text(line: Mapping[str, object]) -> str:
    return msgspec.json.encode(line).decode()
