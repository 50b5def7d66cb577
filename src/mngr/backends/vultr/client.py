"""Vultr's API v2 over HTTP: paging, time-outs, and repeating what may be repeated. https://www.vultr.com/api/

- `Authorization: Bearer KEY`; 30 requests a second per source address, then 429 with `Retry-After` seconds.
- Lists: `per_page` (at most 500) and `cursor`, taken from `meta.links.next`, which is empty on the last page.
- Errors: `{"error": "…", "status": N}`. Only a 404 in this form means that Vultr doesn't have the thing.
"""

import email.utils
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from mngr.model.clock import SYSTEM, Clock
from mngr.model.errors import NotFound
from mngr.vps_docker.errors import VpsApiError, VpsApiNoAnswer, VpsApiUnreadable

API_URL = "https://api.vultr.com/v2"
#: A call ends within so many seconds, waits before repeats not counted.
CALL_TIMEOUT_S = 30.0
CONNECT_TIMEOUT_S = 10.0
#: So long after a call began it isn't repeated any more.
RETRY_BUDGET_S = 60.0
#: The same, of a client that never got a good answer: the network may be gone, and a person waits for a word.
UNANSWERED_BUDGET_S = 8.0
PAGE_SIZE = 500

_KEY_HINT = "check api_key in the provider's config, or VULTR_API_KEY; the key's access list must allow this address (https://my.vultr.com/settings/#settingsapi)"


class VultrClient:
    """One account. Threads may share it. The key is sent in a header and shown nowhere."""

    def __init__(
        self,
        api_key: str,
        *,
        api_url: str = API_URL,
        clock: Clock = SYSTEM,
        timeout: float = CALL_TIMEOUT_S,
        transport: Any = None,
    ) -> None:
        """`transport`: an httpx2 transport to use instead of the network's."""
        self.timeout = timeout
        self._key = api_key
        self._transport = transport
        self._url = api_url
        self._clock = clock
        self._http: Any = None
        self._lock = threading.Lock()
        self._date: tuple[float, float] | None = None  # the cloud's time, and our monotonic time then
        self._answered = False
        self._account = ""

    def __repr__(self) -> str:
        return f"VultrClient({self._url!r})"

    def get(self, path: str, params: Mapping[str, str | int] | None = None) -> dict[str, Any]:
        """Raises NotFound if Vultr says so, Unreadable on all else."""
        return self._call("GET", path, params=params, repeat=True)

    def pages(self, path: str, key: str) -> list[dict[str, Any]]:
        """The whole list under `key`. Raises Unreadable rather than give part of it."""
        rows: list[dict[str, Any]] = []
        seen = set()
        cursor = ""
        while True:
            page = self.get(path, {"per_page": PAGE_SIZE, **({"cursor": cursor} if cursor else {})})
            found = page.get(key)
            if not isinstance(found, list):
                raise VpsApiUnreadable(f"Vultr's answer to GET {path} has no list of {key}")
            rows += found
            cursor = ((page.get("meta") or {}).get("links") or {}).get("next") or ""
            if not cursor:
                return rows
            if cursor in seen:
                raise VpsApiUnreadable(f"Vultr's pages of {path} go round in a circle")
            seen.add(cursor)

    def post(self, path: str, body: Mapping[str, Any], *, repeat: bool) -> dict[str, Any]:
        """`repeat`: the call does no harm when carried out twice. Where it would, a call whose answer is lost
        raises VpsApiNoAnswer at once; one that Vultr refused to look at (429) is repeated all the same."""
        return self._call("POST", path, body=body, repeat=repeat)

    def patch(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return self._call("PATCH", path, body=body, repeat=True)

    def delete(self, path: str) -> None:
        """Raises NotFound if Vultr doesn't have it (any more)."""
        self._call("DELETE", path, repeat=True)

    def account(self) -> str:
        """Whose key this is: the e-mail address (else the name) of `GET /account`, and where, if not at Vultr itself.
        Asked once. Raises Unreadable."""
        if not self._account:
            found = self.get("/account").get("account")
            facts = found if isinstance(found, dict) else {}
            name = str(facts.get("email") or facts.get("name") or "")
            self._account = f"{name} at {self._url}" if name and self._url != API_URL else name
        return self._account

    def now(self) -> float:
        """Vultr's time: the Date header of an answer, going on with this computer's steady clock."""
        if self._date is None:
            self.get("/account")
        assert self._date is not None
        at, then = self._date
        return at + self._clock.monotonic() - then

    def _call(
        self,
        method: str,
        path: str,
        *,
        repeat: bool,
        params: Mapping[str, str | int] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        import httpx2

        what = f"{method} {path}"
        reads = method == "GET"
        began, pause = self._clock.monotonic(), 0.5
        while True:
            wait, throttled = pause, False
            try:
                answer = self._client().request(method, path, params=params, json=body)
            except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
                problem, again = _no_connection(self._url, what, error, reads), repeat
            except httpx2.RequestError as error:  # sent, perhaps in part, perhaps carried out
                problem, again = _no_answer(what, error, reads), repeat
            else:
                self._take_date(answer.headers.get("Date", ""))
                if answer.status_code < 400:
                    self._answered = True
                    return _json(answer, what, reads)
                problem = _refusal(answer, what, reads)
                throttled = answer.status_code == 429
                again = throttled or (repeat and answer.status_code >= 500)
                asked = answer.headers.get("Retry-After", "")
                if again and asked.isascii() and asked.isdigit():
                    wait = max(float(asked), 0.1)
            budget = RETRY_BUDGET_S if self._answered or throttled else UNANSWERED_BUDGET_S
            if not again or self._clock.monotonic() - began + wait > budget:
                raise problem
            self._clock.sleep(wait)
            pause = min(pause * 2, 8.0)

    def _client(self) -> Any:
        import httpx2

        with self._lock:
            if self._http is None:
                self._http = httpx2.Client(
                    base_url=self._url,
                    headers={"Authorization": f"Bearer {self._key}", "User-Agent": "mngr"},
                    timeout=httpx2.Timeout(self.timeout, connect=min(self.timeout, CONNECT_TIMEOUT_S)),
                    follow_redirects=False,
                    transport=self._transport,
                    trust_env=self._url.startswith("https://"),  # no proxy to this computer
                )
            return self._http

    def _take_date(self, header: str) -> None:
        try:
            at = email.utils.parsedate_to_datetime(header).timestamp()
        except ValueError:
            at = self._clock.now()
            if self._date is not None:
                return
        self._date = (at, self._clock.monotonic())


def segment(text: str) -> str:
    """`text` as one part of a path: an id that we didn't make can't reach another resource."""
    return quote(text, safe="")


def _json(answer: Any, what: str, reads: bool) -> dict[str, Any]:
    if answer.status_code == 204 or not answer.content:
        return {}
    try:
        data = answer.json()
    except ValueError:
        data = None
    if isinstance(data, dict):
        return data
    kind = VpsApiUnreadable if reads else VpsApiNoAnswer
    raise kind(
        f"{what}: the answer isn't Vultr's ({answer.status_code}, no JSON object)",
        hint="is there a proxy between?",
    )


def _refusal(answer: Any, what: str, reads: bool) -> Exception:
    """An answer of 400 and above as an error."""
    try:
        said = answer.json()["error"]
    except (ValueError, KeyError, TypeError):
        said = ""
    status = answer.status_code
    if status == 404 and said:
        return NotFound(f"Vultr doesn't have it: {what}: {said}")
    message = f"{what}: {said or answer.reason_phrase or 'no reason given'} ({status})"
    if status in (401, 403):
        refused = VpsApiUnreadable if reads else VpsApiError
        return refused(f"Vultr refused: {message}", status=status, hint=_KEY_HINT)
    if status >= 500:
        kind = VpsApiUnreadable if reads else VpsApiNoAnswer
        return kind(
            f"Vultr failed: {message}", status=status, hint="https://status.vultr.com; try again later"
        )
    if status == 429:
        busy = VpsApiUnreadable if reads else VpsApiError
        return busy(f"Vultr is throttling us: {message}", status=status, hint="try again in a minute")
    kind = VpsApiUnreadable if reads else VpsApiError
    return kind(f"Vultr refused: {message}", status=status)


def _no_connection(url: str, what: str, error: Exception, reads: bool) -> Exception:
    kind = VpsApiUnreadable if reads else VpsApiError
    return kind(
        f"can't reach Vultr at {url} for {what}: {_reason(error)}",
        hint="check the network, and https://status.vultr.com",
    )


def _no_answer(what: str, error: Exception, reads: bool) -> Exception:
    kind = VpsApiUnreadable if reads else VpsApiNoAnswer
    return kind(
        f"no answer from Vultr to {what}: {_reason(error)}", hint="check the network; try again later"
    )


def _reason(error: Exception) -> str:
    """What went wrong in httpx2's words, but for those about the request itself: they quote its headers."""
    import httpx2

    if isinstance(error, (httpx2.LocalProtocolError, httpx2.UnsupportedProtocol)):
        return f"it can't be sent ({type(error).__name__})"
    return str(error) or type(error).__name__
