"""Calls of a cloud's HTTP API: time-outs, what is repeated and what isn't, paging, the cloud's time, errors.

`Api` is what a cloud's client is made of. It sends through a `Wire`: `http_wire.wire_to` an address, or a vendor's SDK behind the same
method. The vendor's part is one function, which reads a refusal (an answer of 400 and above).

What a call that failed raises, so that nobody takes "unknown" for "none", and no paid call is made twice:

| | a read (GET) | a write |
|---|---|---|
| it never left this computer | VpsApiUnreadable | VpsApiError |
| the cloud refused it | VpsApiUnreadable | VpsApiRefused |
| it may have been carried out (no answer, a 5xx, an answer that isn't the cloud's) | VpsApiUnreadable | VpsApiNoAnswer |
| the cloud says that it doesn't have the thing | NotFound | NotFound |
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol
from urllib.parse import quote

import msgspec

from mngr.model.clock import SYSTEM, Clock, left
from mngr.model.errors import MngrError, NotFound
from mngr.vps_docker.errors import VpsApiError, VpsApiNoAnswer, VpsApiRefused, VpsApiUnreadable

#: A call ends within so many seconds, waits before repeats not counted; sooner where `model.clock.within` says so.
CALL_TIMEOUT_S = 30.0
CONNECT_TIMEOUT_S = 10.0
#: So long after a call began it isn't repeated any more.
RETRY_BUDGET_S = 60.0
#: The same, of a client that never got a good answer: the network may be gone, and a person waits for a word.
UNANSWERED_BUDGET_S = 8.0
#: The same, where no connection came about: refused, no such name, no TLS. That seldom mends itself meanwhile.
UNREACHED_BUDGET_S = 2.0


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One call. `path` is below the API's address; `body` goes as JSON."""

    method: str
    path: str
    params: Mapping[str, str | int] | None = None
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = {}

    @property
    def name(self) -> str:
        """For messages: parameters may hold what nobody should see."""
        return f"{self.method} {self.path}"

    @property
    def reads(self) -> bool:
        return self.method == "GET"


class Answer(msgspec.Struct, frozen=True):
    """What came back. `headers` are looked up in any case."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    reason: str = ""

    def json(self) -> Any:
        """Raises ValueError if it isn't JSON."""
        return msgspec.json.decode(self.content)


class Failed(Exception):
    """There was no answer. `sent`: the call may have reached the cloud. `message`: all that is said, where `reason`
    in the usual sentence isn't enough."""

    def __init__(self, reason: str, *, sent: bool, message: str = "", hint: str = "") -> None:
        super().__init__(message or reason)
        self.reason, self.sent, self.message, self.hint = reason, sent, message, hint


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """An answer of 400 and above, as the vendor means it.

    `said`: in the cloud's words, "" if they aren't the cloud's. `gone`: the cloud says that it doesn't have the thing.
    `code`: the cloud's name of the error. `message`: all that is said, where `said` in the usual sentence isn't enough.
    """

    said: str = ""
    gone: bool = False
    code: str = ""
    message: str = ""
    hint: str = ""


class Wire(Protocol):
    """Sends one call, once."""

    def send(self, call: Call) -> Answer:
        """Any answer, refusals too. Raises Failed if there is none; InvalidInput if the settings are at fault."""
        ...


class Api:
    """One account at one cloud. Threads may share it. `title`: the cloud's name for people; `where`: its address."""

    def __init__(
        self,
        wire: Wire,
        refusal: Callable[[Answer, str], Refusal],
        *,
        title: str,
        where: str,
        status_page: str = "",
        clock: Clock = SYSTEM,
        read_time: Callable[[], object] = lambda: None,
    ) -> None:
        """`refusal`: reads one, given the call's name. `read_time`: any call that is free, for the Date of its answer;
        it may return the time itself."""
        self.clock = clock
        self._wire = wire
        self._refusal = refusal
        self._title = title
        self.where = where
        self._status_page = status_page or f"{title}'s status page"
        self._read_time = read_time
        self._date: tuple[float, float] | None = None  # the cloud's time, and our monotonic time then
        self._answered = False

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.where!r})"

    def get(self, path: str, params: Mapping[str, str | int] | None = None) -> Any:
        """Raises NotFound if the cloud says so, Unreadable on all else."""
        return self.json("GET", path, params=params, repeat=True)

    def post(self, path: str, body: Mapping[str, Any] | None = None, *, repeat: bool) -> Any:
        """`repeat`: as of `call`."""
        return self.json("POST", path, body=body, repeat=repeat)

    def put(self, path: str, body: Mapping[str, Any]) -> Any:
        return self.json("PUT", path, body=body, repeat=True)

    def patch(self, path: str, body: Mapping[str, Any]) -> Any:
        return self.json("PATCH", path, body=body, repeat=True)

    def delete(self, path: str) -> None:
        """Raises NotFound if the cloud doesn't have it (any more)."""
        self.json("DELETE", path, repeat=True)

    def call(self, call: Call, *, repeat: bool) -> Answer:
        """A good answer (below 400). Raises as the table above says.

        `repeat`: the call does no harm when carried out twice. Where it would, a call whose answer is lost raises
        VpsApiNoAnswer at once; one that the cloud refused to look at (429) is repeated all the same.
        """
        began, pause = self.clock.monotonic(), 0.5
        while True:
            wait, throttled, budget = pause, False, UNANSWERED_BUDGET_S
            try:
                if not left():
                    raise Failed("there was no time left for it", sent=False)
                answer = self._wire.send(call)
            except Failed as failure:
                problem, again = self._no_answer(failure, call), repeat
                if not failure.sent and not failure.message:
                    budget = UNREACHED_BUDGET_S
            else:
                self._take_date(answer.headers.get("Date", ""))
                if answer.status < 400:
                    self._answered = True
                    return answer
                problem = self._refused(answer, call)
                throttled = answer.status == 429
                again = throttled or (repeat and answer.status >= 500)
                asked = answer.headers.get("Retry-After", "")
                if again and asked.isascii() and asked.isdigit():
                    wait = max(float(asked), 0.1)
            if self._answered or throttled:
                budget = RETRY_BUDGET_S
            if not again or self.clock.monotonic() - began + wait > budget or wait >= left():
                raise problem
            self.clock.sleep(wait)
            pause = min(pause * 2, 8.0)

    def json(
        self,
        method: str,
        path: str,
        *,
        repeat: bool,
        params: Mapping[str, str | int] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Any:
        """As `call`; what the answer says, None if it says nothing."""
        call = Call(method=method, path=path, params=params, body=body)
        return self.said(self.call(call, repeat=repeat), call)

    def said(self, answer: Answer, call: Call) -> Any:
        """A good answer's JSON; None if it is empty."""
        if answer.status == 204 or not answer.content:
            return None
        try:
            return answer.json()
        except ValueError:
            raise self.not_theirs(call, answer.status) from None

    def not_theirs(self, call: Call, status: int = 200) -> VpsApiError:
        """An answer that can't be the cloud's."""
        return failed(call, unsure=True)(
            f"{call.name}: the answer isn't {self._title}'s ({status}, no such JSON)",
            hint="is there a proxy between?",
        )

    def now(self) -> float:
        """The cloud's time: the Date header of its last answer, going on with this computer's steady clock.

        Raises Unreadable; this computer's own idea of the time is never taken for the cloud's.
        """
        if self._date is None:
            told = self._read_time()
            if isinstance(told, int | float):
                self._date = (float(told), self.clock.monotonic())
        if self._date is None:
            raise VpsApiUnreadable(
                f"{self._title}'s answers don't tell the time", hint="is there a proxy between?"
            )
        at, then = self._date
        return at + self.clock.monotonic() - then

    def _take_date(self, header: str) -> None:
        at = _seconds(header)
        if at is None:
            return
        now = self.clock.monotonic()
        if self._date is not None:
            # The header has whole seconds: it corrects our count only where it leads, or lags by more than that.
            before = self._date[0] + now - self._date[1]
            at = before if at <= before <= at + 1 else at
        self._date = (at, now)

    def _no_answer(self, failure: Failed, call: Call) -> MngrError:
        kind = failed(call, unsure=failure.sent)
        if failure.message:
            return kind(failure.message, hint=failure.hint)
        if failure.sent:
            return kind(
                f"no answer from {self._title} to {call.name}: {failure.reason}",
                hint="check the network; try again later",
            )
        return kind(
            f"can't reach {self._title} at {self.where} for {call.name}: {failure.reason}",
            hint=f"check the network, and {self._status_page}",
        )

    def _refused(self, answer: Answer, call: Call) -> MngrError:
        status, found = answer.status, self._refusal(answer, call.name)
        if found.gone:
            said = found.message or f"{self._title} doesn't have it: {call.name}: {found.said}"
            return NotFound(said, hint=found.hint)
        message = f"{call.name}: {found.said or answer.reason or 'no reason given'} ({status})"
        kind = failed(call, unsure=status >= 500, otherwise=VpsApiRefused)
        verb, hint = "refused", found.hint
        if status >= 500:
            verb, hint = "failed", f"{self._status_page}; try again later"
        elif status == 429:
            verb, hint = "is throttling us", "try again in a minute"
        return kind(
            found.message or f"{self._title} {verb}: {message}", status=status, hint=hint, code=found.code
        )


_MONTHS = " Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"


def _seconds(date: str) -> float | None:
    """Seconds since the epoch, of a Date header: `Wed, 21 Oct 2026 07:28:00 GMT`, the one form that is sent. None if it isn't one."""
    from datetime import UTC, datetime

    try:
        _, day, month, year, time, zone = date.split()
        at = [int(year), _MONTHS.index(f" {month}") // 4 + 1, int(day), *map(int, time.split(":"))]
        return datetime(*at[:6], tzinfo=UTC).timestamp() if zone == "GMT" and len(at) == 6 else None
    except (ValueError, OverflowError):
        return None


def failed(call: Call, *, unsure: bool, otherwise: type[VpsApiError] = VpsApiError) -> type[VpsApiError]:
    """The error of a call, by the table above. `unsure`: it may have been carried out."""
    if call.reads:
        return VpsApiUnreadable
    return VpsApiNoAnswer if unsure else otherwise


def all_pages(fetch: Callable[[str], tuple[Any, str]], what: str) -> list[Any]:
    """A whole list. `fetch`: given a cursor ("" at first), a page's rows and the next cursor ("" after the last).

    Raises Unreadable rather than give part of it: also for a page that is no list, and cursors that come again.
    """
    rows: list[Any] = []
    seen: set[str] = set()
    cursor = ""
    while True:
        page, cursor = fetch(cursor)
        if not isinstance(page, list):
            raise VpsApiUnreadable(f"the answer to {what} is no list")
        rows += page
        if not cursor:
            return rows
        if cursor in seen:
            raise VpsApiUnreadable(f"the pages of {what} go round in a circle")
        seen.add(cursor)


def segment(text: str) -> str:
    """`text` as one part of a path: an id that we didn't make can't reach another resource."""
    return quote(text, safe="")
