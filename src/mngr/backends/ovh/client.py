"""The official SDK (`ovh`, python-ovh) with time-outs, repeats, paging of v2, and errors that say what to do.

Calls go through `Client.raw_call`, which signs them (or carries the OAuth2 token) and keeps the headers: v2 pages
by `X-Pagination-Cursor-Next`, and the Date header tells OVH's time.
`answers` reads what they say.
"""

import email.utils
import os
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from mngr.backends.ovh.answers import failed, json, refusal, understood
from mngr.backends.ovh.config import Credentials
from mngr.model.clock import SYSTEM, Clock
from mngr.model.errors import InvalidInput
from mngr.vps_docker.errors import VpsApiUnreadable

CALL_TIMEOUT_S = 30.0
CONNECT_TIMEOUT_S = 10.0
#: So long after a call began it isn't repeated any more.
RETRY_BUDGET_S = 60.0
#: The same, of a client that never got a good answer: the network may be gone, and a person waits for a word.
UNANSWERED_BUDGET_S = 8.0
PAGE_SIZE = 500

_BUILDING = threading.Lock()


class OvhClient:
    """One account. Threads may share it. Secrets are in the SDK and shown nowhere."""

    def __init__(
        self, credentials: Credentials, *, clock: Clock = SYSTEM, timeout: float = CALL_TIMEOUT_S
    ) -> None:
        self.timeout = timeout
        self.clock = clock
        self._credentials = credentials
        self._sdk: Any = None
        self._lock = threading.Lock()
        self._date: tuple[float, float] | None = None
        self._answered = False
        self._me: dict[str, Any] | None = None

    def __repr__(self) -> str:
        return f"OvhClient({self._credentials.endpoint!r})"

    def get(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        """Raises NotFound if OVH says so, Unreadable on all else."""
        return self._call("GET", path + (f"?{urlencode(params)}" if params else ""), repeat=True)

    def pages(self, path: str) -> list[Any]:
        """A whole v2 list. Raises Unreadable rather than give part of it."""
        rows: list[Any] = []
        seen: set[str] = set()
        cursor = ""
        while True:
            headers = {"X-Pagination-Size": str(PAGE_SIZE)}
            if cursor:
                headers["X-Pagination-Cursor"] = cursor
            answer = self._answer("GET", path, None, True, headers)
            page = json(answer, f"GET {path}", True)
            if not isinstance(page, list):
                raise VpsApiUnreadable(f"OVH's answer to GET {path} isn't a list")
            rows += page
            cursor = answer.headers.get("X-Pagination-Cursor-Next", "")
            if not cursor:
                return rows
            if cursor in seen:
                raise VpsApiUnreadable(f"OVH's pages of {path} go round in a circle")
            seen.add(cursor)

    def post(self, path: str, body: Mapping[str, Any] | None = None, *, repeat: bool) -> Any:
        """`repeat`: the call does no harm when carried out twice. Else a lost answer raises VpsApiNoAnswer at once."""
        return self._call("POST", path, body=body, repeat=repeat)

    def put(self, path: str, body: Mapping[str, Any]) -> Any:
        return self._call("PUT", path, body=body, repeat=True)

    def delete(self, path: str) -> None:
        """Raises NotFound if OVH doesn't have it (any more)."""
        self._call("DELETE", path, repeat=True)

    def me(self) -> dict[str, Any]:
        """`GET /me`: the account's subsidiary and currency."""
        if self._me is None:
            answer = self.get("/me")
            with understood("OVH's answer about the account"):
                self._me = dict(answer)
        return self._me

    def now(self) -> float:
        """OVH's time: the Date header of an answer, going on with this computer's steady clock."""
        if self._date is None:
            answer = self.get("/auth/time")
            with understood("OVH's time"):
                at = float(answer)
            self._date = (at, self.clock.monotonic())
        at, then = self._date
        return at + self.clock.monotonic() - then

    @property
    def endpoint(self) -> str:
        """Its name, or address."""
        return self._credentials.endpoint

    @property
    def region(self) -> str:
        """`us`, `eu` or `ca` where the endpoint's name says it; "" for an address."""
        name = self._credentials.endpoint
        return name.rpartition("-")[2] if "/" not in name else ""

    def _call(self, method: str, path: str, *, repeat: bool, body: Mapping[str, Any] | None = None) -> Any:
        answer = self._answer(method, path, body, repeat, {})
        return json(answer, f"{method} {_bare(path)}", method == "GET")

    def _answer(
        self, method: str, path: str, body: Mapping[str, Any] | None, repeat: bool, headers: dict[str, str]
    ) -> Any:
        what, reads = f"{method} {_bare(path)}", method == "GET"
        began, pause, resynced = self.clock.monotonic(), 0.5, False
        while True:
            wait, throttled = pause, False
            try:
                answer = self._client().raw_call(
                    method, path, data=None if body is None else dict(body), need_auth=path != "/auth/time",
                    headers=dict(headers),
                )  # fmt: skip
            except Exception as error:
                problem, again = failed(error, self._credentials, what, reads), repeat
                if isinstance(problem, InvalidInput):
                    raise problem from None
            else:
                self._take_date(answer.headers.get("Date", ""))
                if answer.status_code < 400:
                    self._answered = True
                    return answer
                problem = refusal(answer, what, reads)
                if (
                    not resynced and "QUERY_TIME_OUT" in answer.text
                ):  # this computer's clock was set, or it slept
                    resynced, self._sdk = True, None
                    continue
                throttled = answer.status_code == 429
                again = throttled or (repeat and answer.status_code >= 500)
                asked = answer.headers.get("Retry-After", "")
                if again and asked.isascii() and asked.isdigit():
                    wait = max(float(asked), 0.1)
            budget = RETRY_BUDGET_S if self._answered or throttled else UNANSWERED_BUDGET_S
            if not again or self.clock.monotonic() - began + wait > budget:
                raise problem
            self.clock.sleep(wait)
            pause = min(pause * 2, 8.0)

    def _client(self) -> Any:
        with self._lock:
            if self._sdk is None:
                self._sdk = _make(self._credentials, self.timeout)
            return self._sdk

    def _take_date(self, header: str) -> None:
        try:
            at = email.utils.parsedate_to_datetime(header).timestamp()
        except ValueError:
            return
        now = self.clock.monotonic()
        if self._date is not None:
            # The header has whole seconds: it corrects our count only where it leads, or lags by more than that.
            before = self._date[0] + now - self._date[1]
            at = before if at <= before <= at + 1 else at
        self._date = (at, now)


def segment(text: str) -> str:
    """`text` as one part of a path: a name that we didn't make can't reach another resource."""
    return quote(text, safe="")


def require_sdk() -> None:
    """Raises InvalidInput if it isn't installed. Doesn't import it."""
    from importlib.util import find_spec

    if find_spec("ovh") is None:
        raise InvalidInput("provider ovh needs the package ovh", hint="pip install 'mngr[ovh]'")


def _make(given: Credentials, timeout: float) -> Any:
    """The SDK's client for exactly these credentials, whatever else the environment and ovh.conf hold."""
    import ovh
    from ovh.client import ENDPOINTS, OAUTH2_TOKEN_URLS

    url = given.endpoint
    if "/" in url:
        # The SDK strips /v1 and /v2 only from addresses that end in /1.0.
        url = url if url.endswith(("/1.0", "/v1", "/v2")) else f"{url}/1.0"
        token = url.rpartition("/")[0] + "/auth/oauth2/token"
    elif url in ENDPOINTS:
        token = OAUTH2_TOKEN_URLS.get(url, "")
        url = ENDPOINTS[url]
    else:
        raise InvalidInput(
            f"OVH has no endpoint {url!r}", hint=f"one of {', '.join(sorted(ENDPOINTS))}, or an address"
        )
    name = f"mngr {url}"
    with _BUILDING:
        ENDPOINTS[name] = url
        if token:
            OAUTH2_TOKEN_URLS[name] = token
        elif given.client_id:
            raise InvalidInput(
                f"endpoint {given.endpoint} takes no OAuth2", hint="use application keys there"
            )
        # What isn't given the SDK takes from the environment, which may hold the other kind of credentials.
        hidden = {key: os.environ.pop(key) for key in list(os.environ) if key.startswith("OVH_")}
        try:
            if token.startswith(
                "http://"
            ):  # on this computer only (config.credentials): oauthlib wants to be told
                os.environ.setdefault("OAUTHLIB_INSECURE_TRANSPORT", "1")
            client = ovh.Client(
                endpoint=name,
                application_key=given.application_key or None,
                application_secret=given.application_secret or None,
                consumer_key=given.consumer_key or None,
                client_id=given.client_id or None,
                client_secret=given.client_secret or None,
                timeout=(CONNECT_TIMEOUT_S, timeout),  # type: ignore[arg-type]  requests takes both
            )
        finally:
            os.environ.update(hidden)
    return client


def _bare(path: str) -> str:
    return path.partition("?")[0]
