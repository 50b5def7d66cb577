"""Operations on disk, in SQLite: an intent before the work begins, and what came of it.

One service has the file at a time. `running` is what it takes up when it starts; with several services on one database that
becomes a claim of rows.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import msgspec

from mngr.model.errors import Conflict, MngrError

State = Literal["running", "done", "failed"]
VERSION = 1
#: So long one that has ended can be asked for, and no more than so many.
KEPT_S, MOST_KEPT = 24 * 3600.0, 1000

_SCHEMA = """
CREATE TABLE operations (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, action TEXT NOT NULL, target TEXT NOT NULL, uri TEXT NOT NULL,
    uuid TEXT NOT NULL, asked TEXT NOT NULL, promised INTEGER NOT NULL, state TEXT NOT NULL, phase TEXT NOT NULL,
    created_at REAL NOT NULL, ended_at REAL NOT NULL, result TEXT NOT NULL, problem TEXT NOT NULL
);
CREATE INDEX operations_by_state ON operations (state, number);
"""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """An operation. `target`: the name of its VM; `uuid`: that VM's, "" before there is one; `uri`: whose libvirt's. `asked`: the
    request as JSON, "" where it can't be kept. `promised`: a caller knows its id. `ended_at`: seconds since the epoch, 0
    while it runs. `result`, `problem`: JSON, or ""."""

    id: str
    action: str
    target: str
    uri: str
    uuid: str
    asked: str
    promised: bool
    created_at: float
    state: State = "running"
    phase: str = ""
    ended_at: float = 0
    result: str = ""
    problem: str = ""


class Store:
    """Threads may share it. Each method is one transaction, on disk when it returns, and raises MngrError if it can't be."""

    def __init__(self, file: Path) -> None:
        """Raises Conflict if another service has it, MngrError if it can't be read."""
        self._file, self._lock = file, threading.Lock()
        with self._told():
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._held = os.open(file.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._open()
        except BaseException:
            os.close(self._held)
            raise

    def _open(self) -> None:
        try:
            fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict(
                f"another service keeps its operations in {self._file.parent}",
                hint="end that one, or give this one another folder with MNGR_HOME",
            ) from None
        with self._told():
            # SQLite gives the files beside it the same mode.
            os.close(os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            self._db = sqlite3.connect(self._file, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._make()

    def _make(self) -> None:
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            self._db.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")
        elif version != VERSION:
            self._db.close()
            raise MngrError(
                f"the operations in {self._file} are of another version of mngr ({version}, and this one has {VERSION})",
                hint="use that version, or move the file away",
            )

    def close(self) -> None:
        """Repeatable."""
        with self._lock:
            if self._held >= 0:
                self._db.close()
                os.close(self._held)
                self._held = -1

    def begin(self, row: Row) -> None:
        """The intent: on disk before the work begins."""
        names = row.__struct_fields__
        places = ", ".join("?" * len(names))
        self._write(
            f"INSERT INTO operations ({', '.join(names)}) VALUES ({places})",
            *(getattr(row, name) for name in names),
        )

    def promise(self, id: str) -> None:
        """Somebody is told its id now."""
        self._write("UPDATE operations SET promised = 1 WHERE id = ?", id)

    def made(self, id: str, uuid: str) -> None:
        """The VM is there, and has this UUID."""
        self._write("UPDATE operations SET uuid = ? WHERE id = ?", uuid, id)

    def end(
        self, id: str, state: State, at: float, *, phase: str = "", result: str = "", problem: str = ""
    ) -> None:
        self._write(
            "UPDATE operations SET state = ?, ended_at = ?, phase = ?, result = ?, problem = ?, asked = '' WHERE id = ?",
            state, at, phase, result, problem, id,
        )  # fmt: skip

    def drop(self, now: float) -> None:
        """Those that ended long ago, and the oldest of too many."""
        self._write("DELETE FROM operations WHERE state != 'running' AND ended_at < ?", now - KEPT_S)
        self._write(
            "DELETE FROM operations WHERE state != 'running' AND number NOT IN"
            " (SELECT number FROM operations WHERE state != 'running' ORDER BY number DESC LIMIT ?)",
            MOST_KEPT,
        )

    def get(self, id: str) -> Row | None:
        found = self._read("WHERE id = ?", id)
        return found[0] if found else None

    def running(self) -> list[Row]:
        """The oldest first."""
        return self._read("WHERE state = 'running' ORDER BY number")

    def list_(self, most: int, *, before: str = "", state: str = "", target: str = "") -> list[Row]:
        """The newest first. `before`: an id; those that are older. `state`, `target`: "" for all."""
        return self._read(
            "WHERE (? = '' OR number < (SELECT number FROM operations WHERE id = ?)) AND ? IN ('', state)"
            " AND ? IN ('', target) ORDER BY number DESC LIMIT ?",
            before, before, state, target, most,
        )  # fmt: skip

    def _read(self, where: str, *values: Any) -> list[Row]:
        names = Row.__struct_fields__
        with self._told():
            rows = self._db.execute(f"SELECT {', '.join(names)} FROM operations {where}", values).fetchall()
        return [msgspec.convert(dict(zip(names, row, strict=True)), Row, strict=False) for row in rows]

    def _write(self, sql: str, *values: Any) -> None:
        with self._told():
            self._db.execute(sql, values)

    @contextmanager
    def _told(self) -> Iterator[None]:
        with self._lock:
            try:
                yield
            except (sqlite3.Error, OSError) as problem:
                raise MngrError(
                    f"the operations in {self._file} can't be read or written: {problem}",
                    hint="is the disk full, or the file broken? Without the file the service starts with a new one",
                ) from None
