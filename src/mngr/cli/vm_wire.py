"""Calls of a VM service, and its errors (RFC 9457) as ours. The token goes in a header, and is shown nowhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mngr.model.errors import Conflict, InvalidInput, MngrError, NotFound, NotSupported, TimedOut, Unreachable
from mngr.model.progress import Progress, Step
from mngr.vps_docker.errors import VpsApiError
from mngr.vps_docker.http import CALL_TIMEOUT_S, Answer, Api, Call, Refusal
from mngr.vps_docker.http_wire import wire_to

#: A change may wait for another one of the same VM's.
CHANGE_S = 180.0
#: A long call is answered by its operation after so many seconds; a look at that comes with news, or after so many.
SHORT_S, LOOK_S = 1, 2

_ERRORS: Mapping[int, type[MngrError]] = {
    404: NotFound, 409: Conflict, 422: InvalidInput, 500: MngrError, 501: NotSupported, 503: Unreachable, 504: TimedOut,
}  # fmt: skip
_TOKENS = "VM_PROVISIONER_TOKEN: `mngr vm token create NAME --scope destructive`, on its computer, makes one that will do"


class Service:
    """The one at `url`. `wait_s`: a call may ask it to wait so long, in seconds. Raises what the service says that happened;
    Unreachable where it doesn't answer, or takes no such token."""

    def __init__(self, url: str, token: str, wait_s: float = 0) -> None:
        self._url = url
        headers = {"Authorization": f"Bearer {token}"} if token else {}

        def api(**more: Any) -> Api:
            wire = wire_to(url, headers, **more)
            return Api(
                wire, self._refusal, title="the VM service", where=url, status_page="`mngr vm serve` there"
            )

        self._reads, self._changes = api(timeout=CALL_TIMEOUT_S + wait_s), api(timeout=CHANGE_S + wait_s)

    def get(self, path: str, params: Mapping[str, str | int] | None = None) -> Told:
        return self._said(self._reads, Call(method="GET", path=path, params=params))[1]

    def rows(self, path: str, key: str) -> list[dict[str, Any]]:
        """A list, which the answer has under `key`."""
        rows = self.get(path)[key]
        if not isinstance(rows, list) or not all(isinstance(one, dict) for one in rows):
            raise not_read(f"{key!r} is no list of objects")
        return rows

    def change(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, repeat: bool = True
    ) -> Told:
        """`repeat`: it does no harm when carried out twice."""
        return self._said(self._changes, Call(method=method, path=path, body=body), repeat)[1]

    def long(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, repeat: bool = True,
        progress: Progress = lambda step: None,
    ) -> Told:  # fmt: skip
        """As `change`, of work that the service goes on with when nobody waits for it any more."""
        prefer = {"Prefer": f"respond-async, wait={SHORT_S}"}
        call = Call(method=method, path=path, body=body, headers=prefer)
        status, told = self._said(self._changes, call, repeat)
        if status != 202:
            return told
        before = None
        while told["state"] == "running":
            at = Told(told["progress"])
            if at != before:
                progress(Step(at["phase"], at["detail"], done=at["done"], of=at["total"]))
            before = at
            told = self.get(f"/api/operations/{told['id']}", {"wait": LOOK_S})
        if problem := told["problem"]:
            raise self._error(problem["status"], problem)
        return Told(told["result"])

    def _said(self, api: Api, call: Call, repeat: bool = True) -> tuple[int, Told]:
        try:
            answer = api.call(call, repeat=repeat)
            told = api.said(answer, call)
        except VpsApiError as problem:  # nobody there, or not the service
            raise Unreachable(problem.message, hint=problem.hint) from None
        if not isinstance(told, dict):
            raise not_read("it is no JSON object")
        return answer.status, Told(told)

    def _refusal(self, answer: Answer, what: str) -> Refusal:
        """Raises what the service says; nothing of that is mended by asking again, but for 429."""
        try:
            told = answer.json()
            problem = {**told, "detail": str(told["detail"])}
        except (ValueError, KeyError, TypeError):
            return Refusal()  # not the service's own
        if answer.status == 429:
            return Refusal(said=problem["detail"])
        raise self._error(answer.status, problem)

    def _error(self, status: int, problem: Mapping[str, Any]) -> MngrError:
        said = problem["detail"] + "".join(
            f"; {one['where']}: {one['why']}" for one in problem.get("errors") or ()
        )
        if status in (401, 403):
            return Unreachable(f"the VM service at {self._url} doesn't let us: {said}", hint=_TOKENS)
        return _ERRORS.get(status, MngrError)(said, hint=str(problem.get("hint") or ""))


class Told(dict[str, Any]):
    """An answer. What isn't in it raises Unreachable."""

    def __missing__(self, key: str) -> Any:
        raise not_read(f"it has no {key!r}")


def not_read(why: str | Exception) -> Unreachable:
    return Unreachable(
        f"what the VM service answers can't be read: {why}",
        hint="does VM_PROVISIONER_URL name one, of this version of mngr?",
    )
