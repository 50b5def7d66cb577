"""Changes of state: those that hosts remember, and those that come."""

import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import nullcontext, suppress

import msgspec

from mngr.hosts import events
from mngr.model.background import each
from mngr.model.clock import within
from mngr.model.errors import MngrError
from mngr.model.events import Event
from mngr.model.states import DOWN, word
from mngr.model.views import HostView, Listing, Problem
from mngr.ops.context import Mngr
from mngr.ops.following import Back, Follower, Lost, Present
from mngr.ops.listing import LIST_LIMIT_S, list_hosts
from mngr.ops.names import resolve
from mngr.ops.on_change import OnChange

#: New hosts are looked for at this distance, in seconds.
LOOK_EVERY_S = 30.0
#: Whoever follows is woken this often, in seconds.
TICK_S = 1.0
#: A host is asked for its past within this, in seconds.
PAST_S = 15.0


class Past(msgspec.Struct):
    """`events`: oldest first. `numbers`: by host, of its newest line. `errors`: hosts whose past couldn't be read."""

    events: list[Event] = []
    numbers: dict[str, int] = {}
    errors: list[Problem] = []


class Chosen(msgspec.Struct):
    """Hosts, and which agents of them (ids) are meant; None: all, also new ones. `errors`: what couldn't be read."""

    hosts: list[HostView]
    agents: dict[str, set[str] | None]
    errors: list[Problem] = []

    def has(self, event: Event) -> bool:
        agents = self.agents.get(event.host_id, set() if self.agents else None)
        return agents is None or not event.agent_id or event.agent_id in agents


def choose(mngr: Mngr, texts: Sequence[str]) -> Chosen:
    """What `texts` name; nothing: everything there is. Raises as `resolve`."""
    if not texts:
        whole = list_hosts(mngr, limit_s=LIST_LIMIT_S)
        return Chosen(whole.hosts, {}, whole.errors)
    chosen = Chosen([], {})
    for target in resolve(mngr, texts):
        host_id = target.host.record.id
        if host_id not in chosen.agents:
            chosen.hosts.append(target.host)
            chosen.agents[host_id] = set()
        agents = chosen.agents[host_id]
        if target.agent is None:
            chosen.agents[host_id] = None
        elif agents is not None:
            agents.add(target.agent.record.id)
    return chosen


def past(mngr: Mngr, chosen: Chosen, since: float = 0) -> Past:
    """What the hosts remember from `since` (seconds since the epoch) on, each asked once, at the same time. A host keeps its newest
    1,000 changes at least. Of one that is down they are read from its files, where that is to be had."""
    found = Past(errors=list(chosen.errors))

    def ask(host: HostView) -> Past:
        try:
            with within(PAST_S):
                return _of(mngr, host)
        except MngrError as error:
            return Past(errors=[_unread(host, error.message)])

    for one in each(ask, chosen.hosts, 16):
        found.events += [event for event in one.events if event.at >= since and chosen.has(event)]
        found.numbers |= one.numbers
        found.errors += one.errors
    found.events.sort(key=lambda event: event.at)
    return found


def _of(mngr: Mngr, host: HostView) -> Past:
    from mngr.providers.contract import HostFiles

    record = host.record
    if host.up:
        argv = events.argv(record.host_dir, record.tmux_label, 0, once=True)
        text = mngr.place(record).transport.run(argv, timeout=PAST_S).text
        heard = [*events.read(text.splitlines())]
        numbers = [one.number for one in heard if isinstance(one, events.States)]
        lines = [one for one in heard if isinstance(one, events.Line)]
        return Past(_events(host, lines), {record.id: numbers[0]} if numbers else {})
    provider = mngr.provider(record.provider)
    if not isinstance(provider, HostFiles) or host.state not in (*DOWN, "crashed"):
        return Past(errors=[_unread(host, host.problem)])
    path = f"{record.host_dir}/agents/.events"
    content = provider.read_files(record.id, [path]).get(path, b"")
    return Past(_events(host, events.lines_of(content[-events.PAST_BYTES :].decode(errors="replace"))))


def _unread(host: HostView, why: str) -> Problem:
    record = host.record
    return Problem(
        provider=record.provider,
        what=f"host {record.name}",
        error=f"its past can't be read: {why or word(host.state)}",
    )


def _events(host: HostView, lines: Sequence[events.Line]) -> list[Event]:
    record = host.record
    return [
        Event(
            at=one.at, host_id=record.id, host=record.name, provider=record.provider, agent_id=one.of.agent_id,
            name=one.of.name, state=one.of.state, reason=one.of.reason, exit_code=one.of.exit_code, number=one.number,
        )
        for one in lines
    ]  # fmt: skip


#: What `follow` yields.
Told = Event | Present | Lost | Back | Listing


def follow(
    mngr: Mngr, chosen: Chosen, numbers: dict[str, int] | None = None, *, providers: Sequence[str] = (),
    look_every_s: float = LOOK_EVERY_S, changes: OnChange | None = None,
) -> Iterator[Told | None]:  # fmt: skip
    """Changes as they come, without end, over a held connection to each host. With everything chosen, providers are asked from
    time to time for new hosts, or these `providers`: each such look is yielded, too. None where nothing came for a second.
    `numbers`: where to go on, by host (Past.numbers). `changes`: run for every change on these hosts, also of agents that
    aren't chosen: as long as this follows them, no other mngr runs it."""
    numbers = numbers or {}
    every_s = 0 if chosen.agents else look_every_s
    with (
        Follower(mngr) as follower,
        _Looks(mngr, providers, every_s) as looks,
        changes.turn(follower.rest()) if changes else nullcontext(),
    ):
        for host in chosen.hosts:
            follower.add(host, numbers.get(host.record.id, -1))
        while True:
            told = follower.next(TICK_S)
            if changes and isinstance(told, Event):
                changes(told)
            if told is None or not isinstance(told, Event) or chosen.has(told):
                yield told
            for listing in looks.taken():
                for host in listing.hosts:
                    follower.add(host, 0 if _is_new(host, mngr.clock.now()) else -1)
                yield listing


def _is_new(host: HostView, now: float) -> bool:
    """Whether all that it remembers happened since the last look."""
    from mngr.model.clock import from_iso

    with suppress(ValueError):
        return now - from_iso(host.record.created_at) < 4 * LOOK_EVERY_S
    return False


class _Looks:
    """Asks all providers again and again, in a thread of its own."""

    def __init__(self, mngr: Mngr, providers: Sequence[str], every_s: float) -> None:
        self.on = every_s > 0
        self._mngr, self._providers, self._every_s = mngr, providers, every_s
        self._found: list[Listing] = []
        self._closed = threading.Event()

    def __enter__(self) -> "_Looks":
        if self.on:
            threading.Thread(target=self._look, daemon=True).start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._closed.set()

    def taken(self) -> Collection[Listing]:
        found, self._found = self._found, []
        return found

    def _look(self) -> None:
        while not self._closed.wait(self._every_s):
            self._found = [*self._found, list_hosts(self._mngr, self._providers, limit_s=LIST_LIMIT_S)]
