"""Long work as operations: each has an intent on disk, is joined by calls that ask for the same, and is known after its end.

What a service that ended left running is taken up by the next one, if a caller knows its id or it is a delete; else, and where it
can't be gone on with, it has failed, and says why. What a killed create or delete left is cleared away in both cases.
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

from mngr.model.errors import Conflict, MngrError, NotFound, TimedOut, Unreachable
from mngr.model.notes import Note
from mngr.model.progress import Step
from mngr.model.waiting import looks
from mngr.vmservice import problems, telling
from mngr.vmservice.store import Row, State, Store

if TYPE_CHECKING:
    from mngr.vmservice.service import Service

LOG = logging.getLogger("mngr.vmservice")
#: So long a service that has just started waits for libvirt, before operations that it took up fail.
LIBVIRT_S = 120.0
#: So long a call waits for another one that does the same; that ends by itself before.
JOINED_S = 3 * 3600.0


class Long(Protocol):
    """What is to be known of an action that is run as an operation: see `actions.Action`."""

    @property
    def name(self) -> str: ...
    @property
    def request(self) -> type[Any]: ...
    @property
    def run(self) -> Callable[[Service, Any], Any]: ...
    @property
    def plan(self) -> Callable[[Service, Any], Any] | None: ...
    @property
    def kept(self) -> Sequence[str]: ...
    @property
    def gone(self) -> Callable[[Any], Any] | None: ...


class Live:
    """An operation of this service that hasn't ended, or has just: then `answer` or `error` is there."""

    def __init__(
        self,
        store: Store,
        id: str,
        action: Long,
        asked: Any,
        plan: Any = None,
        uuid: str = "",
        taken_up: bool = False,
    ) -> None:
        self.id, self.action, self.asked, self.plan, self.uuid, self.taken_up = (
            id,
            action,
            asked,
            plan,
            uuid,
            taken_up,
        )
        self.told = Step("beginning")
        self.ended = threading.Event()
        self.answer: Any = None
        self.error: BaseException | None = None
        self._store = store

    def step(self, told: Step | Note) -> None:
        if isinstance(told, Step):
            self.told = told

    def made(self, uuid: str) -> None:
        if uuid != self.uuid:
            self.uuid = uuid
            self._store.made(self.id, uuid)

    def result(self) -> Any:
        """What it came to. Raises its error."""
        if self.error is not None:
            raise self.error
        return self.answer


class Operations:
    def __init__(self, service: Service) -> None:
        self._service = service
        self._lock = threading.Lock()
        self._live: dict[str, Live] = {}
        self._store: Store | None = None
        self._counts: Counter[tuple[str, State]] = Counter()
        self._seconds: defaultdict[tuple[str, State], float] = defaultdict(float)

    def open(self) -> None:
        """Repeatable. Raises what Store does."""
        if self._store is None:
            self._store = Store(self._service.settings.operations)
            self._store.drop(self._service.now())

    def close(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None

    @property
    def store(self) -> Store:
        self.open()
        assert self._store is not None
        return self._store

    # --- calls ------------------------------------------------------------------------------------------------

    def run(self, action: Long, asked: Any) -> Any:
        """Does it, or joins who does the same, and gives what it comes to. Raises what that does."""
        live, mine = self.begin(action, asked, promised=False)
        if mine:
            self.work(live)
        elif not self.wait(live, JOINED_S):
            raise TimedOut(f"operation {live.id}, which does the same, didn't end within {JOINED_S:g} s")
        return live.result()

    def begin(self, action: Long, asked: Any, promised: bool) -> tuple[Live, bool]:
        """An operation, whose intent is on disk; whether it is new, and then somebody must `work` at it. `promised`: it goes on
        even if the service ends. Raises Conflict where another one makes the same thing otherwise, NotFound, what `plan` does."""
        target = _target(asked)
        same = (action.name, asked)
        with self._lock:
            if found := self._same(same, promised):
                return found, False
        plan = action.plan(self._service, asked) if action.plan else None
        uri, uuid = self._meant(action, target)
        with self._lock:
            if found := self._same(same, promised):
                return found, False
            self._check_others(action, target, plan)
            live = Live(self.store, f"op-{secrets.token_hex(8)}", action, asked, plan, uuid)
            self.store.begin(
                Row(
                    id=live.id, action=action.name, target=target, uri=uri, uuid=uuid, asked=_kept(action, asked),
                    promised=promised or action.gone is not None, created_at=self._service.now(),
                )
            )  # fmt: skip
            self._live[live.id] = live
        return live, True

    def _same(self, same: tuple[str, Any], promised: bool) -> Live | None:
        for live in self._live.values():
            if (live.action.name, live.asked) == same and not live.ended.is_set():
                if promised:
                    self.store.promise(live.id)
                return live
        return None

    def _meant(self, action: Long, target: str) -> tuple[str, str]:
        """libvirt's URI, and the UUID of the VM that is meant; "" for one that may not be there. Raises NotFound, Unreachable."""
        if not target or action.plan or action.gone:
            hypervisor = self._service.hypervisor()
            there = hypervisor.find(target) if target else None
        else:
            hypervisor = self._service.settled(target)
            there = hypervisor.get(target)
        return hypervisor.uri, there.UUIDString() if there is not None else ""

    def _check_others(self, action: Long, target: str, plan: Any) -> None:
        for other in self._live.values():
            same = other.action.name == action.name and _target(other.asked) == target
            if same and other.plan is not None and other.plan != plan and not other.ended.is_set():
                raise Conflict(
                    f"operation {other.id} is making VM {target} with another spec",
                    hint=f"give yours another name, or wait for that one: GET /api/operations/{other.id}?wait=60",
                )

    def work(self, live: Live) -> None:
        """Does what it is about, to its end, and puts that on disk. Raises nothing: see `Live.result`."""
        began = self._service.now()
        with self._service.running:
            try:
                with telling.heard(live):
                    if live.taken_up:
                        live.answer = self._service.call(self._go_on, live)
                    else:
                        live.answer = self._service.call(live.action.run, live.asked)
            except BaseException as error:
                live.error = error
                if not isinstance(error, MngrError):
                    LOG.error("operation %s (%s) failed", live.id, live.action.name, exc_info=error)
            self._end(live, began)

    def wait(self, live: Live, seconds: float) -> bool:
        """Until it has ended, so many seconds at most; whether it has. Raises Unreachable if the service ends."""
        for _ in looks(self._service.clock, seconds, first=0, most=0):
            if live.ended.wait(min(seconds, 0.5)):
                return True
        return False

    def _end(self, live: Live, began: float) -> None:
        now = self._service.now()
        state: State = "done" if live.error is None else "failed"
        try:
            if not self._left_to_the_next(live):
                result = live.answer.model_dump_json() if live.error is None else ""
                problem = problem_of(live.error).model_dump_json() if live.error is not None else ""
                self.store.end(live.id, state, now, phase=live.told.phase, result=result, problem=problem)
                self.store.drop(now)
        except MngrError as problem:  # the next start finds it running, and sets it right
            LOG.error("the end of operation %s can't be written: %s", live.id, problem)
        else:
            with self._lock:
                del self._live[live.id]
        with self._lock:
            self._counts[live.action.name, state] += 1
            self._seconds[live.action.name, state] += max(0, now - began)
        live.ended.set()

    def _left_to_the_next(self, live: Live) -> bool:
        """Whether only the service's own end has ended it, and the next start goes on with it."""
        if not (isinstance(live.error, Unreachable) and self._service.is_ending()):
            return False
        row = self.store.get(live.id)
        return bool(row and row.promised and row.asked)

    # --- after a restart --------------------------------------------------------------------------------------

    def left(self, actions: Mapping[str, Long]) -> list[Live]:
        """Those that an earlier service left running and somebody must `work` at now. Others that it left have failed."""
        found = []
        for row in self.store.running():
            action = actions.get(row.action)
            try:
                if action is None:
                    raise Unreachable(f"this version of mngr has no {row.action}")
                self._check_left(row)
                asked = action.request.model_validate_json(row.asked)
            except ValueError:
                self._fail(
                    row,
                    Unreachable(
                        "this version of mngr doesn't understand what was asked for", hint="ask again"
                    ),
                )
            except MngrError as problem:
                self._fail(row, problem)
            else:
                live = Live(
                    self.store, row.id, action, asked, self._planned(action, asked), row.uuid, taken_up=True
                )
                with self._lock:
                    self._live[row.id] = live
                found.append(live)
        return found

    def _planned(self, action: Long, asked: Any) -> Any:
        with suppress(MngrError):  # which it meets itself, then
            return action.plan(self._service, asked) if action.plan else None
        return None

    def _check_left(self, row: Row) -> None:
        """Raises MngrError with the reason if it can't be gone on with."""
        hint = "ask again: what is there already stays as it is"
        if not row.promised:
            raise Unreachable("the service was ended in the middle of it, and its caller with it", hint=hint)
        if not row.asked:
            raise Unreachable(
                "the service was ended in the middle of it, and what was asked for is kept nowhere, as it may be secret",
                hint=hint,
            )
        if row.uri != (uri := self._service.uri):
            raise Unreachable(
                f"the service was ended in the middle of it on {row.uri}, and is on {uri} now", hint=hint
            )

    def _fail(self, row: Row, problem: MngrError) -> None:
        self.store.end(
            row.id,
            "failed",
            self._service.now(),
            phase=row.phase,
            problem=problem_of(problem).model_dump_json(),
        )

    def _go_on(self, service: Service, live: Live) -> Any:
        """Does the rest: all actions may be repeated. A VM that was made or meant before is made no second time, and no other
        one of its name is meant."""
        action, name = live.action, _target(live.asked)
        there = self._libvirt().find(name) if name else None
        if live.uuid and there is not None and there.UUIDString() != live.uuid:
            if action.gone:
                return action.gone(live.asked)
            raise Conflict(f"there is another VM {name} by now", hint="ask again if that one is meant")
        if live.uuid and there is None and action.plan:
            raise NotFound(
                f"VM {name} was made, and removed before its SSH answered", hint="ask again for a new one"
            )
        try:
            return action.run(service, live.asked)
        except NotFound:
            if not action.gone:
                raise
            return action.gone(live.asked)

    def _libvirt(self) -> Any:
        """Which may start beside the service, and after it. Raises Unreachable."""
        last: Unreachable | None = None
        for _ in looks(self._service.clock, LIBVIRT_S):
            try:
                return self._service.hypervisor()
            except Unreachable as problem:
                last = problem
        assert last is not None
        raise last

    # --- what is known ----------------------------------------------------------------------------------------

    def live(self, id: str) -> Live | None:
        with self._lock:
            return self._live.get(id)

    def get(self, id: str) -> Row:
        """Raises NotFound."""
        if (row := self.store.get(id)) is None:
            raise NotFound(
                f"there is no operation {id!r}", hint="those that have ended are dropped after a day"
            )
        return row

    def counts(self) -> list[tuple[str, State, int, float]]:
        """Of each action and outcome: how many operations, and how many seconds these took; since the service's start, but for
        those that run now (of which the seconds are 0)."""
        with self._lock:
            running = Counter(one.action.name for one in self._live.values() if not one.ended.is_set())
            ended = [
                (action, state, n, self._seconds[action, state])
                for (action, state), n in self._counts.items()
            ]
        return sorted([*ended, *((action, "running", n, 0.0) for action, n in running.items())])  # type: ignore[list-item]


def problem_of(error: BaseException) -> problems.Problem:
    """As the answer of a call that raised it has it."""
    if isinstance(error, MngrError):
        return problems.problem(problems.status_of(error), error.message, error.hint or None)
    return problems.problem(500, "a bug in the service; its log has more")


def _target(asked: Any) -> str:
    """The name of the VM that a request is about."""
    return str(getattr(asked, "name", "") or getattr(asked, "vm", ""))


def _kept(action: Long, asked: Any) -> str:
    """A request as JSON, for the disk; "" if a parameter was given that mustn't be there."""
    if set(asked.model_dump(exclude_defaults=True)) - set(action.kept):
        return ""
    return str(asked.model_dump_json(include=set(action.kept)))
