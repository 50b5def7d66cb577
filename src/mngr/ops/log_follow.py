"""Following what agents' terminals show: a held connection for each, made again where it broke."""

from __future__ import annotations

import contextlib
import subprocess
import threading
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any

from mngr.agents import talk
from mngr.model.errors import TimedOut, Unreachable
from mngr.model.numbers import exit_code
from mngr.ops.context import Mngr
from mngr.ops.following import PAUSES_S
from mngr.ops.log_lines import Lines
from mngr.ops.reached import Reached, look

#: So long is it tried to reach a host again, in seconds.
LIMIT_S = 900.0
#: A link over which nothing came for so long is dead (s): the host gives a sign every 10 s.
SILENT_S = 45.0
#: A longer frame is none of agent-follow, in bytes.
FRAME_BYTES = 8 << 20


class LogFollower:
    """Follows one agent. `lines`: so many of those that there are come first (0: all). `raw`: what was written, unchanged.
    As a context manager it ends what it has begun on the host, whatever happens."""

    def __init__(self, mngr: Mngr, to: Reached, lines: int = 0, *, raw: bool = False) -> None:
        self.mngr, self.to, self.lines, self.raw = mngr, to, lines, raw
        self.exit_code: int | None = None
        self._at = ""
        self._seen = Lines()
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False

    def __enter__(self) -> LogFollower:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the link, and with it what runs on the host. Repeatable, from any thread."""
        self._closed = True
        if process := self._process:
            with contextlib.suppress(OSError):
                if process.stdin:
                    process.stdin.close()
            try:
                process.wait(1)
            except subprocess.TimeoutExpired:
                process.terminate()

    def follow(self, lost: Callable[[str, float], None] = lambda why, pause: None) -> Iterator[bytes]:
        """What comes, until the agent ends (`exit_code` is known then, if it has one). `lost` is told of each link that broke: why, and after how many seconds it
        is made anew. Raises NotFound, Conflict (the host is down), and Unreachable at the limit."""
        since, tries = self.mngr.clock.monotonic(), 0
        while not self._closed:
            frames = 0
            for kind, body in self._link():
                frames += 1
                if kind == "end":
                    yield from self._encoded(self._seen.end())
                    self.exit_code = exit_code(body.decode(errors="replace"))
                    return
                yield from self._shown(kind, body)
            if self._closed:
                return
            if frames:
                since, tries = self.mngr.clock.monotonic(), 0
            self._found_again(since, tries, lost)
            tries += 1

    def _found_again(self, since: float, tries: int, lost: Callable[[str, float], None]) -> None:
        pause = PAUSES_S[min(tries, len(PAUSES_S) - 1)]
        if self.to.looked or tries:
            lost("", pause)
            self.mngr.clock.sleep(pause)
        try:
            self.to = look(self.mngr, self.to.address)
        except (Unreachable, TimedOut):
            if self.mngr.clock.monotonic() - since > LIMIT_S:
                raise

    def _shown(self, kind: str, body: bytes) -> Iterator[bytes]:
        if self.raw:
            yield body
        elif kind == "past":
            # What is on the screen still may be written over: it isn't the end of a line.
            yield from self._encoded(self._seen.written(body))
        elif kind == "line":
            yield from self._encoded(self._seen.written(body))
        elif kind == "screen":
            yield from self._encoded(self._seen.screen(body))

    @staticmethod
    def _encoded(lines: Iterator[str]) -> Iterator[bytes]:
        return (f"{line}\n".encode() for line in lines)

    def _link(self) -> Iterator[tuple[str, bytes]]:
        """The frames that come over one connection. Raises Unreachable."""
        argv = talk.follow_argv(self.to.place, self.to.agent_id, self._at, self.lines, raw=self.raw)
        pipe = subprocess.PIPE
        with subprocess.Popen(
            self.to.place.transport.argv(argv), stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, start_new_session=True
        ) as process:  # fmt: skip
            self._process = process
            if self._closed:
                self.close()
            try:
                assert process.stdout
                parts, size = list[bytes](), 0
                watch = _Watch(process)
                out: Any = process.stdout
                while data := bytes(out.read1(65536)):
                    watch.heard()
                    first, *others = data.split(b"\0")
                    parts.append(first)
                    size += len(first)
                    if size > FRAME_BYTES:
                        raise Unreachable(
                            f"{self.to.place.transport.place} sends something without an end that is no log"
                        )
                    if not others:
                        continue
                    frames = [b"".join(parts), *others[:-1]]
                    parts, size = [others[-1]], len(others[-1])
                    for frame in frames:
                        head, _, body = frame.partition(b"\n")
                        kind, _, at = head.decode(errors="replace").partition(" ")
                        yield kind, body
                        self._at = at
                watch.end()
            finally:
                if process.poll() is None:
                    process.terminate()


class _Watch:
    """Ends a process that was silent for too long."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._timer: threading.Timer | None = None
        self.heard()

    def heard(self) -> None:
        self.end()
        self._timer = threading.Timer(SILENT_S, self._process.terminate)
        self._timer.daemon = True
        self._timer.start()

    def end(self) -> None:
        if self._timer:
            self._timer.cancel()
