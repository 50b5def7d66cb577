"""OVH's API, signed by the official SDK (`ovh`, python-ovh), over `vps_docker.http`.

Calls go through `Client.raw_call`, which signs them (or carries the OAuth2 token) and keeps the headers: v2 pages
by `X-Pagination-Cursor-Next`. `answers` reads refusals, and what the SDK raises.
"""

import os
import threading
from typing import Any
from urllib.parse import urlencode

from mngr.backends.ovh.answers import failure, refusal, understood
from mngr.backends.ovh.config import Credentials
from mngr.model.clock import SYSTEM, Clock, left
from mngr.model.errors import InvalidInput
from mngr.vps_docker.http import CALL_TIMEOUT_S, CONNECT_TIMEOUT_S, Answer, Api, Call, all_pages

PAGE_SIZE = 500

_BUILDING = threading.Lock()


class OvhClient(Api):
    """One account. Threads may share it. Secrets are in the SDK and shown nowhere."""

    def __init__(
        self, credentials: Credentials, *, clock: Clock = SYSTEM, timeout: float = CALL_TIMEOUT_S
    ) -> None:
        super().__init__(
            _SdkWire(credentials, timeout), refusal, title="OVH", where=credentials.endpoint,
            status_page="https://status.ovhcloud.com", clock=clock, read_time=lambda: self.get("/auth/time"),
        )  # fmt: skip
        self.timeout = timeout
        self._me: dict[str, Any] | None = None

    def pages(self, path: str) -> list[Any]:
        """A whole v2 list. Raises Unreadable rather than give part of it."""

        def fetch(cursor: str) -> tuple[Any, str]:
            headers = {"X-Pagination-Size": str(PAGE_SIZE)} | (
                {"X-Pagination-Cursor": cursor} if cursor else {}
            )
            call = Call(method="GET", path=path, headers=headers)
            answer = self.call(call, repeat=True)
            return self.said(answer, call), answer.headers.get("X-Pagination-Cursor-Next", "")

        return all_pages(fetch, f"GET {path} of OVH")

    def me(self) -> dict[str, Any]:
        """`GET /me`: the account's subsidiary and currency."""
        if self._me is None:
            answer = self.get("/me")
            with understood("OVH's answer about the account"):
                self._me = dict(answer)
        return self._me

    @property
    def region(self) -> str:
        """`us`, `eu` or `ca` where the endpoint's name says it; "" for an address."""
        return self.where.rpartition("-")[2] if "/" not in self.where else ""


class _SdkWire:
    """http.Wire over the SDK."""

    def __init__(self, credentials: Credentials, timeout: float) -> None:
        self._credentials = credentials
        self._timeout = timeout
        self._sdk: Any = None
        self._lock = threading.Lock()

    def send(self, call: Call) -> Answer:
        answer = self._send(call)
        if answer.status >= 400 and b"QUERY_TIME_OUT" in answer.content:
            self._sdk = None  # this computer's clock was set, or it slept: the SDK reads OVH's time anew
            answer = self._send(call)
        return answer

    def _send(self, call: Call) -> Answer:
        query = f"?{urlencode(call.params)}" if call.params else ""
        try:
            found = self._client().raw_call(
                call.method, call.path + query, data=None if call.body is None else dict(call.body),
                need_auth=call.path != "/auth/time", headers=dict(call.headers),
            )  # fmt: skip
        except Exception as error:
            raise failure(error, self._credentials, call.name) from None
        return Answer(found.status_code, found.headers, found.content, found.reason or "")

    def _client(self) -> Any:
        with self._lock:
            if self._sdk is None:
                self._sdk = _make(self._credentials, self._timeout)
            return self._sdk


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
    for scheme in ("https://", "http://"):
        client._session.mount(scheme, _in_time(timeout))
    return client


def _in_time(timeout: float) -> Any:
    """What sends the SDK's signed calls: each with what time there is."""
    from requests.adapters import HTTPAdapter

    class InTime(HTTPAdapter):
        def send(self, request: Any, *args: Any, **kwargs: Any) -> Any:
            limit = left(timeout)
            return super().send(
                request, *args, **{**kwargs, "timeout": (min(limit, CONNECT_TIMEOUT_S), limit)}
            )

    return InTime()
