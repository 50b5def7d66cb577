"""Long calls as operations: each is a process of its own, which no client's end ends, and a folder that says how it is.

`MNGR_HOME/mcp/<id>/`: `lock`, held while it runs; `begun` (which tool, about what, since when), `step`, `log`; `result` once it has
ended, `heard` once that was told. The id follows from the call, so whoever makes the same call finds it. Parameters, which may be secret, aren't on disk.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from mngr.config.home import write_private
from mngr.model.clock import SYSTEM, Clock, iso
from mngr.model.errors import NotFound
from mngr.vmservice.long import Operation, Progress
from mngr.vmservice.problems import Problem

#: What nobody has heard is kept so long for the same call, in seconds; and so long to be shown.
UNHEARD_S, KEPT_S = 3600.0, 24 * 3600.0
WORKER = (sys.executable, "-P", "-c", "from mngr.mcp.worker import main; main()")


class Operations:
    """`folder`: made with the first operation. Processes may share it."""

    def __init__(self, folder: Path, clock: Clock = SYSTEM, worker: Sequence[str] = WORKER) -> None:
        self._folder, self._clock, self._worker = folder, clock, worker

    def begin(self, tool: str, client: str, arguments: str, target: str, within: str = "") -> str:
        """The id of the operation that does this: one that runs, one that is done and that nobody has heard of yet, else a new
        one. `arguments`: as JSON. `within`: in which directory or of which service they are meant."""
        id = "op-" + hashlib.sha256(f"{tool}\0{within}\0{arguments}".encode()).hexdigest()[:16]
        with self._locked():
            self._drop()
            if not self.has_ended(id) or self._is_unheard(id):
                return id
            folder = self._folder / id
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(mode=0o700)
            begun = {"tool": tool, "target": target, "at": self._clock.now()}
            write_private(folder / "begun", json.dumps(begun))
            self._start(folder, json.dumps({"tool": tool, "client": client, "arguments": arguments}))
        return id

    def _start(self, folder: Path, asked: str) -> None:
        """The lock is the worker's: it has it from us, and there is no moment without."""
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        log = os.open(folder / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            worker = subprocess.Popen(
                [*self._worker, str(folder), str(lock)], stdin=subprocess.PIPE, stdout=log, stderr=log, pass_fds=(lock,),
                start_new_session=True,
            )  # fmt: skip
            assert worker.stdin
            worker.stdin.write(asked.encode())
            worker.stdin.close()
        finally:
            os.close(lock)
            os.close(log)

    def has_ended(self, id: str) -> bool:
        """Also where there is none. One with a result has, though its process may be about to end."""
        return (self._folder / id / "result").exists() or not self._is_running(id)

    def heard(self, id: str) -> None:
        """Its end was told to somebody who asked for it: the same call is a new one now. Repeatable."""
        with suppress(FileNotFoundError):
            write_private(self._folder / id / "heard", "")

    def show(self, id: str) -> Operation:
        """Raises NotFound."""
        folder = self._folder / id
        ended = self.has_ended(id)
        begun, result = _read(folder / "begun"), _read(folder / "result")
        if begun is None:
            raise NotFound(f"there is no operation {id!r}", hint="one whose end was told is forgotten")
        if ended and result is None:
            result = {"at": begun["at"], "problem": _killed(id)}
        step = _read(folder / "step") or {}
        return Operation(
            id=id, action=begun["tool"], target=begun["target"], createdAt=iso(begun["at"]),
            state="running" if result is None else "failed" if result.get("problem") else "done",
            progress=Progress(
                phase=step.get("phase", "beginning"), detail=step.get("detail", ""), done=step.get("done"), total=step.get("of"),
            ),
            endedAt=iso(result["at"]) if result else None, result=(result or {}).get("answer"),
            problem=Problem.model_validate(result["problem"]) if result and result.get("problem") else None,
        )  # fmt: skip

    def list_(self) -> list[Operation]:
        """The newest first; but for those whose end was told."""
        found = []
        with suppress(FileNotFoundError):
            for one in self._folder.glob("op-*"):
                with suppress(NotFound):
                    if not (one / "heard").exists():
                        found.append(self.show(one.name))
        return sorted(found, key=lambda one: one.createdAt, reverse=True)

    def _is_running(self, id: str) -> bool:
        try:
            fd = os.open(self._folder / id / "lock", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(fd)
        return False

    def _is_unheard(self, id: str) -> bool:
        if (self._folder / id / "heard").exists():
            return False
        result = _read(self._folder / id / "result")
        fresh = result is not None and self._clock.now() - result["at"] < UNHEARD_S
        return fresh and not (result or {}).get("problem")

    def _drop(self) -> None:
        for one in self._folder.glob("op-*"):
            with suppress(OSError):
                kept = UNHEARD_S if (one / "heard").exists() else KEPT_S
                old = self._clock.now() - one.stat().st_mtime > kept
                if old and self.has_ended(one.name):
                    shutil.rmtree(one, ignore_errors=True)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        fd = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)


def _read(file: Path) -> Any:
    """None where it isn't there. What is there is whole: it was written beside, and moved."""
    try:
        return json.loads(file.read_text())
    except FileNotFoundError:
        return None


def _killed(id: str) -> dict[str, Any]:
    return {
        "title": "Internal Server Error", "status": 500, "detail": f"operation {id} was killed before its end",
        "hint": "make the same call again: it goes on from where that was",
    }  # fmt: skip
