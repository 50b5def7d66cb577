"""Waiting for agents: until they are in a state that was asked for, or can't come to be in one any more."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Literal

import msgspec

from mngr.hosts.events import Known
from mngr.model.errors import Conflict, InvalidInput
from mngr.model.events import REASONS, REMOVED, RENAMED, STATES, Event
from mngr.model.guess import did_you_mean
from mngr.ops.context import Mngr
from mngr.ops.following import Back, Follower, Lost, Present
from mngr.ops.names import Target, resolve
from mngr.ops.on_change import OnChange

#: What is waited for where nobody says so.
DEFAULT = ("waiting", "done")
#: Nothing but a person brings an agent out of these.
_ENDS = ("done", "stopped", REMOVED)

Fits = Literal["yes", "no", "open"]


class Waited(msgspec.Struct, kw_only=True):
    """An agent that was waited for, as it was seen last. `fits`: `no` if it can't come to be in a state that was asked for
    any more: it ended, was stopped or removed, also with its host. `host_state`: that of a host that went down meanwhile."""

    agent_id: str
    name: str
    host_id: str
    host: str
    provider: str
    state: str
    reason: str = ""
    exit_code: int | None = None
    fits: Fits = "open"
    host_state: str = ""


class Answer(msgspec.Struct, kw_only=True):
    """`timed_out`: the time was over before all (or any) were there."""

    agents: list[Waited]
    timed_out: bool = False

    @property
    def exit_code(self) -> int:
        """The worst exit code of those that fit and are done; 0 if none is."""
        codes = [one.exit_code or 0 for one in self.agents if one.fits == "yes" and one.state == "done"]
        return max(codes, default=0)


#: Told of each agent as it comes to fit, or can't any more, and of links that break and come back.
Watch = Callable[[Waited | Lost | Back], None]


def check_wanted(words: Sequence[str]) -> list[str]:
    """The states and reasons; a word may name several, with commas. Raises InvalidInput naming them all."""
    wanted = [
        one.strip().lower() for word in words for one in word.split(",") if one.strip() or not word.strip()
    ]
    for one in wanted:
        if one not in (*STATES, *REASONS):
            known = ", ".join((*STATES, *REASONS))
            guess = did_you_mean(one, [*STATES, *REASONS])
            raise InvalidInput(
                f"nothing can be waited for that is called {one!r}", hint=f"{guess} known: {known}".strip()
            )
    return wanted or list(DEFAULT)


def wait(
    mngr: Mngr,
    texts: Sequence[str],
    wanted: Sequence[str] = DEFAULT,
    *,
    any_one: bool = False,
    timeout_s: float | None = None,
    watch: Watch = lambda told: None,
    changes: OnChange | None = None,
) -> Answer:
    """Waits until all agents that `texts` name (or `any_one` of them) are in a state of `wanted`; `@HOST` names all of a host.
    Nothing is asked again and again: each host tells, over one held connection. Returns at once where that is so
    already, or can't come to be any more. `changes`: run for each change on these hosts.

    Raises as `resolve` does; Conflict if a host that was named has no agents.
    """
    wanted = check_wanted(wanted)
    ends = None if timeout_s is None else mngr.clock.monotonic() + timeout_s
    targets = resolve(mngr, texts)
    work = _Waiting(_agents(targets), wanted, any_one, watch)
    with Follower(mngr) as follower, changes.turn(follower.rest()) if changes else nullcontext():
        if not work.over:
            for host in {one.host.record.id: one.host for one in targets}.values():
                follower.add(host)
        while not work.over:
            left = None if ends is None else ends - mngr.clock.monotonic()
            if left is not None and left <= 0:
                return Answer(agents=list(work.agents.values()), timed_out=True)
            told = follower.next(left if left is None else min(left, 3600))
            if isinstance(told, Event):
                if changes:
                    changes(told)
                work.event(told)
            elif isinstance(told, Present):
                work.present(told)
            elif told is not None:
                watch(told)
    return Answer(agents=list(work.agents.values()))


def _agents(targets: Sequence[Target]) -> list[Waited]:
    found: dict[str, Waited] = {}
    for target in targets:
        record = target.host.record
        views = [target.agent] if target.agent else target.host.agents
        if not views:
            raise Conflict(
                f"host {record.name} has no agents that could be waited for", hint="`mngr list` shows all"
            )
        for view in views:
            one = Waited(
                agent_id=view.record.id, name=view.record.name, host_id=record.id, host=record.name, provider=record.provider,
                state=view.state, reason=view.reason, exit_code=view.exit_code,
                host_state="" if target.host.up else target.host.state,
            )  # fmt: skip
            found.setdefault(one.agent_id, one)
    return list(found.values())


class _Waiting:
    def __init__(self, agents: Sequence[Waited], wanted: Sequence[str], any_one: bool, watch: Watch) -> None:
        self.agents = {one.agent_id: one for one in agents}
        self.wanted, self.any_one, self.watch = wanted, any_one, watch
        for one in agents:
            self._judge(one)

    @property
    def over(self) -> bool:
        fits = [one.fits for one in self.agents.values()]
        if self.any_one:
            return "yes" in fits or "open" not in fits
        return "no" in fits or "open" not in fits

    def event(self, event: Event) -> None:
        if not event.agent_id:
            for one in self.agents.values():
                if one.host_id == event.host_id and one.fits == "open":
                    one.host_state = "" if event.state == "running" else event.state
            return
        one = self.agents.get(event.agent_id)
        if one is None or one.fits != "open":
            return
        one.name = event.name or one.name
        if event.state == RENAMED:
            return
        one.state, one.reason, one.exit_code = event.state, event.reason, event.exit_code
        self._judge(one)

    def present(self, told: Present) -> None:
        known = {one.agent_id: one for one in told.agents}
        for one in self.agents.values():
            if one.host_id == told.host.record.id and one.fits == "open":
                now = known.get(one.agent_id, Known(agent_id=one.agent_id, name=one.name, state=REMOVED))
                one.name, one.state, one.reason, one.exit_code = (
                    now.name,
                    now.state,
                    now.reason,
                    now.exit_code,
                )
                self._judge(one)

    def _judge(self, one: Waited) -> None:
        if one.state in self.wanted or (one.state == "waiting" and one.reason in self.wanted):
            one.fits = "yes"
        elif one.state in _ENDS:
            one.fits = "no"
        else:
            return
        self.watch(one)
