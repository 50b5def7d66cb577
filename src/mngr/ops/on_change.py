"""`on_change` of the config: a command that is run for each change of state, with the event as JSON on its standard input."""

import contextlib
import json
import os
import queue
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import IO

from mngr.model.errors import MngrError, TimedOut
from mngr.model.events import Event
from mngr.ops.context import Mngr

#: A command that takes longer is killed, with what it started, in seconds.
LIMIT_S = 30.0
#: So many run at once, and so many events wait; what comes then is left out.
AT_ONCE, WAITING = 4, 200


class OnChange:
    """Runs it for the events that this is called with, beside whoever calls. Of the mngrs of one MNGR_HOME that see a host's events at
    the same time, one runs it. As a context manager: what was begun ends before its end does, within LIMIT_S; where that is an
    exception (Ctrl-C), it is killed.

    `failed` is told once of a command that failed, once of one that took too long, once of events that were left out.
    """

    def __init__(self, mngr: Mngr, failed: Callable[[MngrError], None] = lambda error: None) -> None:
        command = mngr.config.on_change
        self.argv = ["sh", "-c", command] if isinstance(command, str) else list(command)
        self.on = bool(command)
        self._mngr, self._failed = mngr, failed
        self._said: set[str] = set()
        self._locks: dict[str, IO[bytes]] = {}
        self._released = False
        self._events: queue.Queue[Event | None] = queue.Queue(WAITING)
        self._threads: list[threading.Thread] = []
        self._running: set[subprocess.Popen[bytes]] = set()

    def __enter__(self) -> "OnChange":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
        if kind is None:
            self.close()
        with contextlib.suppress(queue.Empty):
            while True:
                self._events.get_nowait()
        for process in list(self._running):
            self._end(process)

    def __call__(self, event: Event) -> None:
        if not self.on or self._released or not self._is_ours(event.host_id) or self._was_run(event):
            return
        if len(self._threads) < AT_ONCE:
            self._threads.append(threading.Thread(target=self._work, daemon=True))
            self._threads[-1].start()
        try:
            self._events.put_nowait(event)
        except queue.Full:
            self._tell(
                "full", MngrError("on_change: changes come faster than its command ends; some were left out")
            )

    @contextlib.contextmanager
    def turn(self, rest: Iterable[object]) -> Iterator[None]:
        """While hosts are followed. What is in `rest` at the end came already, and is run, too; then it is another mngr's turn
        at once: what was begun, and the links, may take long to end."""
        try:
            yield
            for told in rest:
                if isinstance(told, Event):
                    self(told)
        finally:
            self.release()

    def release(self) -> None:
        """Nothing more is run here, but by another mngr that follows these hosts. Repeatable."""
        self._released = True
        import fcntl

        for file in self._locks.values():
            with contextlib.suppress(OSError):
                # Of a command that is just begun, the process may still hold the file, too.
                fcntl.flock(file, fcntl.LOCK_UN)
            file.close()
        self._locks.clear()

    def close(self) -> None:
        """Waits for what was begun, at most LIMIT_S."""
        self.release()
        ends = self._mngr.clock.monotonic() + LIMIT_S
        for _ in self._threads:
            try:
                self._events.put(None, timeout=max(0.0, ends - self._mngr.clock.monotonic()))
            except queue.Full:
                return
        for thread in self._threads:
            thread.join(max(0.0, ends - self._mngr.clock.monotonic()))
        self._threads.clear()

    def _is_ours(self, host_id: str) -> bool:
        """Whether no other mngr of this home does it."""
        import fcntl

        if self._locks.get(host_id) is None:
            folder = self._mngr.home / "cache" / "on_change"
            try:
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                file = (folder / host_id).open("a+b")
            except OSError:
                return True
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                file.close()
                return False
            self._locks[host_id] = file
        return True

    def _was_run(self, event: Event) -> bool:
        """Whether another mngr, whose turn it was before, has run it; if not, notes that this one does. Whoever follows sees a
        change at another moment: it may come here when the other one has let go of the host."""
        file = self._locks.get(event.host_id)
        if event.number is None or file is None:
            return False
        try:
            file.seek(0)
            number, at = (float(word) for word in file.read(100).split())
        except (OSError, ValueError):
            number, at = 0.0, 0.0
        if event.number <= number and event.at <= at:
            return True
        with contextlib.suppress(OSError):
            file.truncate(0)
            file.write(f"{event.number} {event.at}\n".encode())
            file.flush()
        return False

    def _work(self) -> None:
        while event := self._events.get():
            self._run(event)

    def _run(self, event: Event) -> None:
        with contextlib.ExitStack() as stack:
            try:
                # No pipe: what leaves the command's group may hold it open for ever.
                said = stack.enter_context(tempfile.TemporaryFile())
                process = subprocess.Popen(
                    self.argv,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=said,
                    start_new_session=True,
                )
            except OSError as error:
                self._tell("failed", MngrError(f"on_change: {self.argv[0]} can't be run: {error.strerror}"))
                return
            self._running.add(process)
            stack.callback(self._running.discard, process)
            try:
                process.communicate(json.dumps(event.plain()).encode() + b"\n", timeout=LIMIT_S)
            except subprocess.TimeoutExpired:
                self._end(process)
                self._tell(
                    "late",
                    TimedOut(f"on_change: its command didn't end within {LIMIT_S:g} s, and was killed"),
                )
                return
            if process.returncode:
                said.seek(max(0, said.seek(0, os.SEEK_END) - 4096))
                last = said.read().decode(errors="replace").strip().splitlines()[-1:]
                self._tell(
                    "failed",
                    MngrError(
                        f"on_change: its command gave {process.returncode}: {last[0][:200] if last else 'it said nothing'}",
                        hint="it is run for further changes all the same; this is said once",
                    ),
                )

    @staticmethod
    def _end(process: subprocess.Popen[bytes]) -> None:
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
        with contextlib.suppress(OSError):
            process.stdin.close() if process.stdin else None
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(1)

    def _tell(self, what: str, error: MngrError) -> None:
        if what not in self._said:
            self._said.add(what)
            self._failed(error)
