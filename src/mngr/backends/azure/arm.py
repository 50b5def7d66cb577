"""Azure Resource Manager's REST API, over `vps_docker.http`. https://learn.microsoft.com/rest/api/azure/

Reads and writes go the same way. The vendor's SDK is asked for the token only: its clients cost half a second to import,
and its pollers wait by their own clock, repeat a POST after a 500, and take a failed create for success.

A write that isn't done at once is followed as ARM says: `Azure-AsyncOperation`, else `Location`, else the resource's
`provisioningState`. https://learn.microsoft.com/azure/azure-resource-manager/management/async-operations
"""

import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from mngr.backends.azure.codes import AGAIN, HINTS, refusal, words
from mngr.backends.azure.login import Login
from mngr.model.clock import SYSTEM, Clock
from mngr.model.errors import NotFound, TimedOut
from mngr.model.waiting import looks
from mngr.vps_docker.errors import VpsApiError, VpsApiUnreadable
from mngr.vps_docker.http import CALL_TIMEOUT_S, Answer, Api, Call, all_pages
from mngr.vps_docker.http_wire import wire_to

API_URL = "https://management.azure.com"
#: A write is followed for so long; Azure takes up to 10 minutes for a VM.
OPERATION_LIMIT_S = 900.0
#: Between two looks at an operation, where Azure doesn't say.
POLL_S = 2.0
#: ARM's reads and lists are copies; they were seen to lag by seconds.
LAG_S = 15.0
STATUS_PAGE = "https://azure.status.microsoft"

# The versions of the API, by resource provider and type.
_VERSIONS = {
    "Microsoft.Compute": "2022-11-01",
    "Microsoft.Compute/disks": "2022-07-02",
    "Microsoft.Compute/galleries": "2023-07-03",
    "Microsoft.Compute/skus": "2021-07-01",
    "Microsoft.Network": "2022-09-01",
    "Microsoft.Authorization": "2022-04-01",
    "Microsoft.Insights": "2015-04-01",
    "": "2022-09-01",
}


class OperationFailed(VpsApiError):
    """Azure accepted a write, and failed to carry it out. What it had made by then is still there."""


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """A write that Azure has accepted: where to look for its end. `path`: of the resource; `what`: the call, for messages.
    With neither of the addresses, the resource itself says it."""

    what: str
    path: str
    method: str
    operation: str = ""
    location: str = ""
    after_s: float = 0


class Arm:
    """One subscription. Threads may share it. Paths begin below the subscription (`/resourceGroups/…`), or are
    whole ids."""

    def __init__(
        self, login: Login, subscription: str, *, api_url: str = API_URL, clock: Clock = SYSTEM,
        timeout: float = CALL_TIMEOUT_S, transport: Any = None,
    ) -> None:  # fmt: skip
        """`transport`: an httpx2 transport to use instead of the network's."""
        self.subscription = subscription
        self._root = f"/subscriptions/{subscription}"
        self.clock = clock
        self._login = login
        self._host = urlsplit(api_url).netloc
        ca_file = os.environ.get("REQUESTS_CA_BUNDLE", "")  # as Azure's SDK does
        wire = wire_to(api_url, {}, timeout=timeout, transport=transport, ca_file=ca_file)
        self._api = Api(
            wire, refusal, title="Azure", where=api_url, status_page=STATUS_PAGE,
            clock=clock, read_time=lambda: self.get(""),
        )  # fmt: skip
        self.now = self._api.now

    def __repr__(self) -> str:
        return f"Arm({self.subscription!r})"

    def log_in(self) -> None:
        """Gets a token, unless there is one. Raises Unreadable."""
        self._login.token()

    # --- calls ------------------------------------------------------------------------------------------------

    def get(
        self, path: str, params: Mapping[str, str] | None = None, *, root: bool = False
    ) -> dict[str, Any]:
        """A resource. Raises NotFound if Azure says so, Unreadable on all else."""
        call = self._call("GET", path, params=params)
        return self._said(self._sent(call), call)

    def pages(self, path: str, params: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
        """A whole list. Raises NotFound (a group that isn't there), Unreadable rather than give part of it."""
        first = self._call("GET", path, params=params)

        def fetch(link: str) -> tuple[Any, str]:
            call = self._linked("GET", link) if link else first
            page = self._said(self._sent(call), call)
            return page.get("value", []), page.get("nextLink") or ""

        return all_pages(fetch, f"GET {path} of Azure")

    def rows(self, path: str) -> list[dict[str, Any]]:
        """A list that comes without pages. Raises as `get`."""
        call = self._call("GET", path)
        said = self._api.said(self._sent(call), call)
        if not isinstance(said, list):
            raise self._api.not_theirs(call)
        return said

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """A POST that only asks, and may be repeated."""
        call = self._call("POST", path, body=body or {})
        return self._said(self._sent(call), call)

    def write(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, new: bool = False
    ) -> dict[str, Any]:
        """A write, followed to its end; the resource, or {} where there is none. Repeatable, as names are ours.

        `new`: refused with the code PreconditionFailed if the resource is there already. Raises as `begin` and `finish`.
        """
        found = self.begin(method, path, body, {"If-None-Match": "*"} if new else None)
        return self.finish(found) if isinstance(found, Pending) else found

    def begin(
        self, method: str, path: str, body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Pending | dict[str, Any]:  # fmt: skip
        """A write; a Pending if it isn't done at once. Raises VpsApiRefused, VpsApiNoAnswer, NotFound."""
        call = self._call(method, path, body=body, headers=headers)
        answer = self._sent(call)
        said = self._said(answer, call)
        operation = answer.headers.get("Azure-AsyncOperation", "")
        location = answer.headers.get("Location", "") if answer.status == 202 else ""
        state = str((said.get("properties") or {}).get("provisioningState", "Succeeded"))
        if not operation and not location and (_settled(state) or method != "PUT"):
            return self._checked(said, call.name)
        return Pending(
            what=call.name, path=path, method=method, operation=operation, location=location,
            after_s=_pause(answer),
        )  # fmt: skip

    def finish(self, pending: Pending, limit: float = OPERATION_LIMIT_S) -> dict[str, Any]:
        """Follows a write to its end; the resource as it is then, {} where there is none.

        Raises OperationFailed, TimedOut, Unreadable.
        """
        end = self.clock.monotonic() + limit
        wait = pending.after_s
        while True:
            if self.clock.monotonic() + wait > end:
                raise TimedOut(
                    f"Azure didn't end {pending.what} within {limit:g} s",
                    hint=f"run the command again later; {STATUS_PAGE}",
                )
            self.clock.sleep(wait)
            done, wait, pending = self._look(pending)
            if done is not None:
                return done

    def _look(self, pending: Pending) -> tuple[dict[str, Any] | None, float, Pending]:
        """What became of a write, else how long to wait until the next look, and where to look then."""
        link = pending.operation or pending.location
        call = self._linked("GET", link) if link else self._call("GET", pending.path)
        answer = self._sent(call)
        said = self._said(answer, call)
        if pending.operation:
            if not (state := str(said.get("status") or "")):
                raise VpsApiUnreadable(f"Azure's answer about {pending.what} doesn't say how it stands")
            if not _settled(state):
                return None, _pause(answer), pending
            self._checked(said, pending.what, state)
            return (self._made(pending) if pending.method == "PUT" else {}), 0, pending
        if pending.location:
            if answer.status == 202:
                location = answer.headers.get("Location", "") or pending.location
                return None, _pause(answer), msgspec.structs.replace(pending, location=location)
            return (self._made(pending) if pending.method == "PUT" else said), 0, pending
        state = str((said.get("properties") or {}).get("provisioningState", "Succeeded"))
        if not _settled(state):
            return None, _pause(answer), pending
        return self._checked(said, pending.what), 0, pending

    def _made(self, pending: Pending) -> dict[str, Any]:
        """What a PUT has made. Azure may show for some seconds what was before."""
        for _ in looks(self.clock, LAG_S):
            try:
                return self.get(pending.path)
            except NotFound:
                continue
        raise VpsApiUnreadable(
            f"Azure doesn't show what {pending.what} has made, {LAG_S:g} s after it was done"
        )

    def _checked(self, said: dict[str, Any], what: str, state: str = "") -> dict[str, Any]:
        """`said`, unless it says that the write failed."""
        state = state or str((said.get("properties") or {}).get("provisioningState", "Succeeded"))
        if state.lower() == "succeeded" or not _settled(state):
            return said
        code, message = words(said)
        raise OperationFailed(
            f"Azure couldn't carry out {what}: {message or state} ({code or state})",
            code=code or state,
            hint=HINTS.get(code, AGAIN),
        )

    # --- one call ---------------------------------------------------------------------------------------------

    def _call(
        self, method: str, path: str, *, params: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None,
    ) -> Call:  # fmt: skip
        params = {"api-version": _version(path), **(params or {})}
        whole = path if path.startswith("/subscriptions/") else self._root + path
        return Call(method=method, path=whole, params=params, body=body, headers=headers or {})

    def _linked(self, method: str, link: str) -> Call:
        """A call of an address that Azure gave. The token goes to Azure's own host only."""
        parts = urlsplit(link)
        if parts.netloc and parts.netloc != self._host:
            raise VpsApiUnreadable(
                f"Azure's answer sends us to another host, {parts.netloc}; nothing was sent there"
            )
        return Call(method=method, path=f"{parts.path}?{parts.query}" if parts.query else parts.path)

    def _sent(self, call: Call) -> Answer:
        """With the token; once again with a new one where Azure refuses a kept one."""
        for kept in (True, False):
            token = {"Authorization": f"Bearer {self._login.token()}"}
            signed = msgspec.structs.replace(call, headers={**call.headers, **token})
            try:
                return self._api.call(signed, repeat=True)
            except VpsApiError as error:
                if error.status != 401 or not kept:
                    raise
                self._login.drop()
        raise AssertionError

    def _said(self, answer: Answer, call: Call) -> dict[str, Any]:
        said = self._api.said(answer, call)
        if said is not None and not isinstance(said, dict):
            raise self._api.not_theirs(call)
        return said or {}


def missing_right(error: Exception) -> bool:
    """Whether Azure refused something for want of a right."""
    return isinstance(error, VpsApiError) and error.code in (
        "AuthorizationFailed",
        "LinkedAuthorizationFailed",
    )


def _settled(state: str) -> bool:
    """Whether it is one of ARM's last states; all others mean that it goes on."""
    return state.lower() in ("succeeded", "failed", "canceled")


def _pause(answer: Answer) -> float:
    for header, unit in (("x-ms-retry-after-ms", 0.001), ("Retry-After", 1.0)):
        asked = answer.headers.get(header, "")
        if asked.isascii() and asked.isdigit() and 0 < float(asked) * unit <= 300:
            return float(asked) * unit
    return POLL_S


def _version(path: str) -> str:
    """The api-version of a path: by the last provider in it, and the type after that. The provider itself is none's."""
    _, found, rest = path.rpartition("/providers/")
    parts = rest.split("/") if found else [""]
    if parts[1:] in ([], ["register"]):
        return _VERSIONS[""]
    for key in ("/".join(parts[:2]), parts[0], ""):
        if key in _VERSIONS:
            return _VERSIONS[key]
    return _VERSIONS[""]
