"""Following hosts: a held connection to each, over which it tells of every change; a link that drops is made anew."""

import contextlib
import queue
import select
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from types import TracebackType

import msgspec

from mngr.hosts import events
from mngr.model.clock import within
from mngr.model.errors import MngrError, NotFound, TimedOut, Unreachable
from mngr.model.events import REMOVED, RENAMED, Event
from mngr.model.states import DOWN
from mngr.model.views import HostView
from mngr.ops.context import Mngr

#: A link over which nothing came for so long is dead, in seconds: three beats, and a bit.
SILENT_S = 3.5 * events.EVERY_S
#: Pauses between attempts to reach a host grow from the first to the last of these, in seconds.
PAUSES_S = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
#: A provider is asked how a host is for at most so long, in seconds.
LOOK_S = 20.0
#: So much that was told waits to be taken; until it is, no more is read from a host.
WAITING = 1000
#: A longer line is none of host-events, in bytes.
LINE_BYTES = 65536


class Present(msgspec.Struct, frozen=True):
    """How the agents of a host are as it is first reached."""

    host: HostView
    agents: list[events.Known]


class Lost(msgspec.Struct, frozen=True):
    """The link to a host broke, or can't be made; it is tried again. Said once until it is back."""

    host: HostView
    error: str


class Back(msgspec.Struct, frozen=True):
    """The link is there again; what happened meanwhile comes now."""

    host: HostView


Told = Event | Present | Lost | Back


class Follower:
    """Follows hosts that are added, each in a thread of its own. As a context manager it ends all links at its end."""

    def __init__(self, mngr: Mngr, *, silent_s: float = SILENT_S) -> None:
        self.mngr = mngr
        self.silent_s = silent_s
        self._told: queue.Queue[Told] = queue.Queue(WAITING)
        self._links: dict[str, _Link] = {}

    def __enter__(self) -> "Follower":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def add(self, host: HostView, since: int = -1) -> None:
        """Begins to follow a host: its lines with a number above `since` (-1: those to come). One that is followed already goes on."""
        known = self._links.get(host.record.id)
        if known is None or known.ended:
            link = _Link(self.mngr, host, since, self._told, self.silent_s)
            self._links[host.record.id] = link
            link.thread.start()

    def next(self, timeout: float | None = None) -> Told | None:
        """What is told next; None where nothing is for `timeout` seconds."""
        try:
            return self._told.get(timeout != 0, timeout)
        except queue.Empty:
            return None

    def rest(self) -> Iterator[Told]:
        """What was told already, and nobody has taken."""
        while told := self.next(0):
            yield told

    def close(self) -> None:
        """Ends all links. Repeatable."""
        for link in self._links.values():
            link.close()


class _Link:
    """One host's."""

    def __init__(
        self, mngr: Mngr, host: HostView, since: int, told: "queue.Queue[Told]", silent_s: float
    ) -> None:
        self.mngr, self.host, self.told, self.silent_s = mngr, host, told, silent_s
        self.number = since
        self.thread = threading.Thread(target=self._follow, daemon=True)
        self.ended = False
        self._known: dict[str, events.Known] = {}
        self._first = True  # nobody was told yet how its agents are
        self._connecting = True
        self._touched: dict[str, int] = {}  # agent → number of its newest line
        self._waiting: events.States | None = None  # for the lines up to its number
        self._lost = False
        self._closed = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def close(self) -> None:
        self._closed.set()
        with self._lock:
            if self._process:
                _end(self._process)

    def _tell(self, told: Told) -> None:
        while not self._closed.is_set():
            with contextlib.suppress(queue.Full):
                self.told.put(told, timeout=0.5)
                return

    # --- the link ---

    def _follow(self) -> None:
        try:
            tries = 0
            while not self._closed.is_set():
                since = self.mngr.clock.monotonic()
                error = self._listen() if self.host.up else ""
                if self._closed.is_set():
                    return
                if self.mngr.clock.monotonic() - since > 60:
                    tries = 0
                if tries or not self.host.up:
                    self._look(error)
                    if self.ended:
                        return
                self._closed.wait(PAUSES_S[min(tries, len(PAUSES_S) - 1)])
                tries += 1
        except Exception as error:  # a bug here must not let somebody wait for ever in silence
            self._say_lost(f"{type(error).__name__}: {error}")
            raise
        finally:
            self.ended = True

    def _listen(self) -> str:
        """Listens until the link ends; why it did."""
        record = self.host.record
        self._connecting = True
        with tempfile.TemporaryFile() as said:
            try:
                transport = self.mngr.place(record).transport
                argv = transport.argv(events.argv(record.host_dir, record.tmux_label, self.number))
                with self._lock:
                    if self._closed.is_set():
                        return ""
                    self._process = subprocess.Popen(
                        argv,
                        stdin=subprocess.PIPE,
                        stdout=subprocess.PIPE,
                        stderr=said,
                        start_new_session=True,
                    )
            except (MngrError, OSError) as error:
                return str(error)
            error = Unreachable("the link ended").message
            try:
                for one in events.read(self._lines(self._process)):
                    self._take(one)
            except _Endless:
                error = Unreachable("it sends a line without an end").message
            except TimeoutError:
                error = TimedOut(f"nothing came from it for {self.silent_s:g} s").message
            finally:
                with self._lock:
                    _end(self._process)
                    self._process.stdout.close() if self._process.stdout else None
                    self._process = None
            said.seek(0)
            words = said.read()[-2000:].decode(errors="replace").strip().splitlines()
            return words[-1] if words else error

    def _lines(self, process: subprocess.Popen[bytes]) -> Iterator[str]:
        """Raises TimeoutError, _Endless."""
        assert process.stdout
        fd, rest = process.stdout.fileno(), b""
        while True:
            if not select.select([fd], [], [], self.silent_s)[0]:
                raise TimeoutError
            data = process.stdout.read1(65536)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownVariableType]
            if not data:
                return
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                yield line.decode(errors="replace")
            if len(rest) > LINE_BYTES:
                raise _Endless

    def _say_lost(self, error: str) -> None:
        if not self._lost:
            self._lost = True
            self._tell(Lost(self.host, error))

    # --- what came over it ---

    def _take(self, one: events.Line | events.States | events.Beat) -> None:
        if self._lost:
            self._lost = False
            self._tell(Back(self.host))
        if isinstance(one, events.Line):
            if one.number <= self.number:
                self._touched.clear()
            self.number = one.number
            self._touched[one.of.agent_id] = one.number
            self._event(one.of, one.at, one.number)
        elif isinstance(one, events.States):
            if self._first and not self._waiting:
                self._tell(Present(self.host, one.agents))
            if self._connecting:
                self._connecting = False
                if self.number < 0 or one.number < self.number:  # they begin anew where the file was lost
                    self.number = one.number if self.number < 0 else 0
                    self._touched.clear()
            self._waiting = one
        waiting = self._waiting
        if waiting and (isinstance(one, events.Beat) or self.number >= waiting.number):
            self._waiting = None
            self._compare(waiting)

    def _compare(self, states: events.States) -> None:
        """What changed without a line; at first, what is known from now on."""
        first, self._first = self._first, False
        newer = {agent for agent, number in self._touched.items() if number > states.number}
        for known in states.agents:
            if first and known.agent_id not in self._known:
                self._known[known.agent_id] = known
            elif known.agent_id not in newer:
                self._event(known, states.at, None)
        there = {known.agent_id for known in states.agents} | newer
        for known in [one for one in self._known.values() if one.agent_id not in there]:
            self._event(
                msgspec.structs.replace(known, state=REMOVED, reason="", exit_code=None), states.at, None
            )

    def _event(self, known: events.Known, at: float, number: int | None) -> None:
        """Tells of it, if it is news."""
        record = self.host.record
        if known.agent_id:
            before = self._known.get(known.agent_id)
            if known.state == RENAMED:
                if before:
                    self._known[known.agent_id] = msgspec.structs.replace(before, name=known.name)
                before = None
            elif known.state == REMOVED:
                if self._known.pop(known.agent_id, None) is None and number is None:
                    return
            else:
                self._known[known.agent_id] = known
            if before and (before.state, before.reason, before.exit_code) == (
                known.state, known.reason, known.exit_code,
            ):  # fmt: skip
                return
        self._tell(
            Event(
                at=at, host_id=record.id, host=record.name, provider=record.provider, agent_id=known.agent_id, name=known.name,
                state=known.state, reason=known.reason, exit_code=known.exit_code, number=number,
            )
        )  # fmt: skip

    # --- a host that can't be reached ---

    def _look(self, error: str) -> None:
        """Asks its provider how the host is; tells of it if it is down or gone, or is up again."""
        was = self.host
        try:
            with within(LOOK_S):
                self.host = self.mngr.provider(was.record.provider).view(was.record.id)
        except NotFound:
            self.ended = True
            self._down("destroyed", "", [])
            return
        except MngrError as problem:
            self._say_lost(error or problem.message)
            return
        if self.host.state in (*DOWN, "crashed", "evicted", "failed"):
            if was.up or self._first:
                idle = self.host.idle
                agents = [
                    events.Known(
                        agent_id=one.record.id, name=one.record.name, state=one.state, reason=one.reason,
                        exit_code=one.exit_code,
                    )
                    for one in self.host.agents
                ]  # fmt: skip
                self._down(self.host.state, idle.stop_cause if idle else "", agents, was_up=was.up)
        elif self.host.state == "destroyed":
            self.ended = True
            self._down("destroyed", "", [])
        elif self.host.up:
            if not was.up:
                self._event(events.Known(agent_id="", name="", state="running"), self.mngr.clock.now(), None)
            else:
                self._say_lost(error)
        else:
            self._say_lost(self.host.problem or error)

    def _down(self, state: str, reason: str, agents: Sequence[events.Known], *, was_up: bool = True) -> None:
        at = self.mngr.clock.now()
        if self._first:
            self._first = False
            self._known.update({known.agent_id: known for known in agents})
            self._tell(Present(self.host, list(agents)))
        if was_up:
            self._event(events.Known(agent_id="", name="", state=state, reason=reason), at, None)
        last = {known.agent_id: known for known in agents}
        for known in list(self._known.values()):
            now = last.get(known.agent_id)
            if state == "destroyed":
                self._event(
                    msgspec.structs.replace(known, state=REMOVED, reason="", exit_code=None), at, None
                )
            elif now is not None and now.state in ("done", "stopped"):
                self._event(now, at, None)
            elif known.state not in ("done", "stopped"):
                self._event(msgspec.structs.replace(known, state="stopped", reason=""), at, None)


class _Endless(Exception):
    """What comes is no line of host-events."""


def _end(process: subprocess.Popen[bytes]) -> None:
    """Where it is, the listener ends when its input does, with all that it started: before ssh, or its shell here, is told to."""
    with contextlib.suppress(OSError, ValueError):
        if process.stdin:
            process.stdin.close()
    for tell, limit_s in ((None, 0.3), (process.terminate, 1.0), (process.kill, 1.0)):
        if tell:
            tell()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(limit_s)
            return
