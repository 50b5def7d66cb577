"""Long work as operations: each has an intent on disk, is joined by calls that ask for the same, and is known after its end.
`taking_up` has what becomes of those that a service's end left running."""

from __future__ import annotations

import logging
import secrets
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from mngr.model.errors import Conflict, MngrError, NotFound, TimedOut, Unreachable
from mngr.model.notes import Note
from mngr.model.progress import Step
from mngr.model.waiting import looks
from mngr.vmservice import audit, problems, telling
from mngr.vmservice.store import Row, State, Store

if TYPE_CHECKING:
    from mngr.vmservice.service import Service

LOG = logging.getLogger("mngr.vmservice")
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
    """An operation of this service that hasn't ended, or has just: then `answer` or `error` is there. `uuid`: its VM's, "" before
    there is one. `plan`: what it makes; None where that isn't known."""

    def __init__(
        self, store: Store, id: str, action: Long, asked: Any, plan: Any = None, uuid: str = ""
    ) -> None:
        self.id, self.action, self.asked, self.plan, self.uuid = id, action, asked, plan, uuid
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
        audit.operation(live.id)
        if mine:
            self.work(live)
        elif not self.wait(live, JOINED_S):
            raise TimedOut(f"operation {live.id}, which does the same, didn't end within {JOINED_S:g} s")
        return live.result()

    def begin(self, action: Long, asked: Any, promised: bool) -> tuple[Live, bool]:
        """An operation, whose intent is on disk; whether it is new, and then somebody must `work` at it. `promised`: it goes on
        even if the service ends. Raises Conflict where another one makes the same thing otherwise, NotFound, what `plan` does."""
        target = target_of(asked)
        same = _key(action, asked)
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

    def _same(self, same: tuple[str, str], promised: bool) -> Live | None:
        for live in self._live.values():
            if _key(live.action, live.asked) == same and not live.ended.is_set():
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
            same = other.action.name == action.name and target_of(other.asked) == target
            if same and other.plan is not None and other.plan != plan and not other.ended.is_set():
                raise Conflict(
                    f"operation {other.id} is making VM {target} with another spec",
                    hint=f"give yours another name, or wait for that one: GET /api/operations/{other.id}?wait=60",
                )

    def work(self, live: Live, run: Callable[[Service, Any], Any] | None = None) -> None:
        """Does what it is about, or `run`, to its end, and puts that on disk. Raises nothing: see `Live.result`."""
        began = self._service.now()
        with self._service.running:
            try:
                with telling.heard(live):
                    live.answer = self._service.call(run or live.action.run, live.asked)
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
            with self._lock:
                del self._live[live.id]
        except MngrError as problem:  # the next start finds it running, and sets it right
            LOG.error("the end of operation %s can't be written: %s", live.id, problem)
        finally:
            self._service.audit.ended(live.id, live.action.name, target_of(live.asked), state, now)
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

    # --- what is known ----------------------------------------------------------------------------------------

    def take_up(self, live: Live) -> None:
        """Its intent is on disk already."""
        with self._lock:
            self._live[live.id] = live

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


def target_of(asked: Any) -> str:
    """The name of the VM that a request is about."""
    return str(getattr(asked, "vm", "") or getattr(asked, "name", ""))


def _key(action: Long, asked: Any) -> tuple[str, str]:
    """What calls that ask for the same have in common. A default that was given isn't one that wasn't: a template fills these."""
    return action.name, str(asked.model_dump_json(exclude_unset=True))


def _kept(action: Long, asked: Any) -> str:
    """A request as JSON, for the disk; "" if a parameter was given that mustn't be there."""
    if set(asked.model_dump(exclude_defaults=True)) - set(action.kept):
        return ""
    return str(asked.model_dump_json(include=set(action.kept), exclude_unset=True))
