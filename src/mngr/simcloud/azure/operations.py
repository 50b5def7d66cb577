"""Long-running operations, and the four ways of telling how far they are.

An `Azure-AsyncOperation` URL answers `{"status"}`; a `Location` URL answers 202, then 200 or 204 for good; with neither, the
resource's own `provisioningState` tells. Compute and Network send the first for a PUT, both for a POST or DELETE; a group's
DELETE sends Location only (facts: azure-sdk.md, "Long-running operations").
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mngr.simcloud.azure.activity import Event
from mngr.simcloud.azure.words import body, refuse
from mngr.simcloud.call import ApiError
from mngr.simcloud.clock import iso
from mngr.simcloud.http import Response

if TYPE_CHECKING:
    from mngr.simcloud.azure.call import Call
    from mngr.simcloud.azure.state import State


@dataclass
class Operation:
    """`held`: a machine is still at work for it. `finish` is called once, and raises ApiError if it has failed."""

    started: float
    due: float
    resource: str
    finish: Callable[[], Any]
    event: Event
    held: bool = False
    ended: float | None = None
    status: str = "InProgress"
    error: dict[str, Any] | None = None
    answer: Any = None
    """What the Location URL has at the end; None is 204."""
    id: str = field(default_factory=lambda: str(uuid.uuid4()))


class Operations:
    def __init__(self, state: State) -> None:
        self._state = state
        self._all: dict[str, Operation] = {}
        self._open: dict[str, Operation] = {}

    def begin(
        self,
        call: Call,
        resource: str,
        seconds: float,
        finish: Callable[[], Any],
        *,
        status: int,
        body: Any = None,
        held: bool = False,
    ) -> tuple[Operation, Response]:
        """Start one, and the answer that says so. Whoever handles the fault `late_failure` takes it from the call before. `finish` may give what its Location answers."""
        if fault := call.request.faults.pop("late_failure", None):
            self._state.change(resource, state="Failed")
            finish = _raises(
                refuse(409, fault.how or "InternalServerError", "It has failed, as was ordered.")
            )
        now = self._state.now()
        event = self._state.told(call, "Accepted" if call.request.method != "PUT" else "Started", resource)
        operation = Operation(now, now + seconds, resource, finish, event, held)
        self._all[operation.id] = self._open[operation.id] = operation
        return operation, Response(status, body, self.headers(call, operation))

    def catch_up(self) -> None:
        """End what has come to its end. Under the core's lock."""
        now = self._state.now()
        for operation in list(self._open.values()):
            if operation.held or operation.due > now:
                continue
            del self._open[operation.id]
            operation.ended = now
            try:
                operation.answer = operation.finish()
                operation.status = "Succeeded"
            except ApiError as problem:
                operation.status, operation.error = "Failed", body(problem)
            message = operation.error["message"] if operation.error else ""
            code = operation.error["code"] if operation.error else ""
            self._state.tell(
                operation.event.who,
                operation.event.action,
                operation.resource,
                operation.status,
                code,
                message,
                operation.event.correlation,
            )

    def preempt(self, resource: str) -> None:
        """A newer one takes the place of those that are open for a resource: they fail, and do nothing any more."""
        problem = refuse(409, "OperationPreempted", "The operation is preempted by a more recent operation.")
        for one in list(self._open.values()):
            if one.resource.lower() == resource.lower():
                one.finish, one.held, one.due = _raises(problem), False, 0.0
        self.catch_up()

    def running(self, resource: str) -> Operation | None:
        """The newest that is open for a resource."""
        found = [one for one in self._open.values() if one.resource.lower() == resource.lower()]
        return found[-1] if found else None

    def open(self) -> list[Operation]:
        return list(self._open.values())

    def status(self, call: Call) -> Response:
        """`…/operations/{id}`: always 200, with what became of it inside."""
        one = self._find(call)
        view: dict[str, Any] = {
            "startTime": iso(one.started),
            "status": one.status,
            "name": one.id,
        }
        if one.ended is not None:
            view["endTime"] = iso(one.ended)
        if one.error:
            view["error"] = one.error
        return Response(200, view, self.retry_after() if one.ended is None else {})

    def result(self, call: Call) -> Response:
        """`…/operationResults/{id}`: 202 until it is over."""
        one = self._find(call)
        if one.ended is None:
            again = f"{call.host()}{call.request.target}"
            return Response(202, None, {"Location": again, **self.retry_after()})
        if one.error:
            return Response(409 if one.error["code"] != "NotFound" else 404, {"error": one.error})
        return Response(200 if one.answer is not None else 204, one.answer)

    def retry_after(self) -> dict[str, str]:
        seconds = self._state.behaviour.poll_s
        if seconds < 1:
            return {"x-ms-retry-after-ms": str(max(1, round(seconds * 1000)))}
        return {"Retry-After": str(round(seconds))}

    def headers(self, call: Call, operation: Operation) -> dict[str, str]:
        """Where to ask how far it is: as each service has it, unless the cloud is told to have it in one way."""
        version = call.request.first("api-version")
        namespace = call.id.type.partition("/")[0]
        if namespace:
            location = self._state.location_of(operation.resource)
            base = f"/subscriptions/{call.id.subscription}/providers/{namespace}/locations/{location}"
        else:
            base = f"/subscriptions/{call.id.subscription}"
        poll = f"{call.host()}{base}/operations/{operation.id}?api-version={version}"
        result = f"{call.host()}{base}/operationresults/{operation.id}?api-version={version}"
        way = self._state.behaviour.lro
        if way == "real":
            way = (
                "location"
                if not namespace
                else "async"
                if call.request.method in ("PUT", "PATCH")
                else "both"
            )
        headers = self.retry_after()
        if way in ("async", "both"):
            headers["Azure-AsyncOperation"] = poll
        if way in ("location", "both"):
            headers["Location"] = result
        return headers

    def _find(self, call: Call) -> Operation:
        one = self._all.get(call.parts["id"])
        if one is None:
            raise refuse(404, "NotFound", f"The operation '{call.parts['id']}' was not found.")
        return one


def _raises(problem: ApiError) -> Callable[[], Any]:
    def finish() -> None:
        raise problem

    return finish
