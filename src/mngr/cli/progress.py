"""Progress on standard error: one living line on a terminal, plain lines elsewhere."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from mngr.cli import words
from mngr.model.notes import Note, Remark
from mngr.model.progress import Step


class Progress:
    """Shows the current phase and the time it has taken. As a context manager; call it with what is told
    (model.progress.Progress)."""

    def __init__(self, what: str, quiet: bool = False) -> None:
        self.what = what
        self._live = sys.stderr.isatty() and not quiet
        self._quiet = quiet
        self._phase = ""
        self._parts: list[Progress] = []
        self._began = time.monotonic()
        self._wake = threading.Event()
        self._drawing = threading.Lock()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> "Progress":
        if self._live:
            self._thread = threading.Thread(target=self._draw, daemon=True)
            self._thread.start()
        return self

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Nothing is drawn meanwhile: somebody is being asked."""
        with self._drawing:
            if self._live:
                sys.stderr.write("\r\033[K")
                sys.stderr.flush()
            yield

    @contextmanager
    def part(self, who: str) -> Iterator["Progress"]:
        """What is told of `who`, one of several that are worked on at once; the living line shows the first of them."""
        one = Progress(f"{self.what} {who}", self._quiet)
        self._parts.append(one)
        try:
            yield one
        finally:
            self._parts.remove(one)

    def say(self, line: str) -> None:
        """A line that stays, above the living one."""
        if not self._quiet:
            sys.stderr.write(f"\r\033[K{line}\n" if self._live else f"{line}\n")
            sys.stderr.flush()

    def __call__(self, told: Step | Note) -> None:
        if isinstance(told, Note):
            warning = "" if isinstance(told, Remark) and not told.warns else "warning: "
            self.say(f"{self.what}: {warning}{words.of_note(told)}")
            return
        self._phase = words.of_step(told)
        if not self._live:
            self.say(f"{self.what}: {self._phase}")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._wake.set()
        if self._thread:
            self._thread.join()
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()

    def _line(self) -> str:
        shown, *others = [*self._parts] or [self]
        more = f" (and {len(others)} more)" if others else ""
        return f"{shown.what}{more}: {shown._phase}"

    def _draw(self) -> None:
        frames = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
        turn = 0
        while not self._wake.wait(0.1):
            seconds = time.monotonic() - self._began
            if seconds < 0.3:
                continue
            import shutil

            width = shutil.get_terminal_size().columns
            text = f"{frames[turn % len(frames)]} {self._line()}"
            with self._drawing:
                sys.stderr.write("\r\033[K" + with_seconds(text, seconds, width))
                sys.stderr.flush()
            turn += 1


def with_seconds(text: str, seconds: float, width: int) -> str:
    """The living line: what is too long for it is cut before the seconds."""
    tail = f" {seconds:.0f}s"
    room = max(0, width - 1 - len(tail))
    return (text if len(text) <= room else text[: max(0, room - 1)] + "…")[:room] + tail


def waiting(what: str, quiet: bool = False) -> Progress:
    """Progress on a terminal only, for what asks and changes nothing."""
    progress = Progress(what, quiet or not sys.stderr.isatty())
    progress(Step("asking"))
    return progress
