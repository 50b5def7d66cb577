"""Operations as callers see them: their shapes, the list, one of them, and a call that is answered by one."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse

from mngr.model.clock import iso
from mngr.vmservice import audit, preference, problems
from mngr.vmservice.calls import Calls, Kind
from mngr.vmservice.operations import Live, Long
from mngr.vmservice.service import Service
from mngr.vmservice.shapes import NAME, Shape
from mngr.vmservice.store import Row

ID = r"^op-[0-9a-f]{16}$"
Id = Annotated[str, Field(pattern=ID, examples=["op-0123456789abcdef"], description="Of an operation")]
State = Literal["running", "done", "failed"]


class OperationRef(Shape):
    operation: Id
    wait: Annotated[
        int,
        Field(
            ge=0,
            le=preference.MOST_WAIT_S,
            description="Seconds to wait until it has ended; the answer comes then, or after that time",
        ),
    ] = 0


class OperationsAsked(Shape):
    state: Annotated[
        Literal["any", "running", "done", "failed"], Field(description="Only those in that state")
    ] = "any"
    target: Annotated[
        str, Field(pattern=NAME.replace("^", "^(").replace("$", ")?$"), description="Only those of that VM")
    ] = ""
    before: Annotated[
        str,
        Field(
            pattern=ID.replace("^", "^(").replace("$", ")?$"),
            description="Only those older than that one: the next page",
        ),
    ] = ""
    limit: Annotated[int, Field(ge=1, le=200, description="So many at most, the newest first")] = 50


class Progress(Shape):
    phase: Annotated[str, Field(description="beginning, image, making, booting, stopping, removing")]
    detail: str
    done: Annotated[int | None, Field(description="Bytes that have come of an image")]
    total: Annotated[int | None, Field(description="Of so many; None where that isn't known")]


class Operation(Shape):
    id: str
    action: str
    target: Annotated[str, Field(description="The VM's name")]
    state: State
    progress: Progress
    createdAt: str
    endedAt: str | None
    result: Annotated[
        dict[str, Any] | None,
        Field(description="Of one that is done: the answer of the same call without an operation"),
    ]
    problem: Annotated[
        problems.Problem | None,
        Field(description="Of one that failed: the error that the call would have had"),
    ]


class Operations(Shape):
    operations: list[Operation]


def list_(service: Service, asked: OperationsAsked) -> Operations:
    rows = service.operations.store.list_(
        asked.limit,
        before=asked.before,
        state="" if asked.state == "any" else asked.state,
        target=asked.target,
    )
    return Operations(operations=[_shown(row, service.operations.live(row.id)) for row in rows])


def show(service: Service, asked: OperationRef) -> Operation:
    """Raises NotFound."""
    service.operations.get(asked.operation)
    live = service.operations.live(asked.operation)
    if live and asked.wait:
        service.operations.wait(live, asked.wait)
    return _shown(service.operations.get(asked.operation), service.operations.live(asked.operation))


def _shown(row: Row, live: Live | None) -> Operation:
    told = live.told if live else None
    return Operation(
        id=row.id, action=row.action, target=row.target, state=row.state, createdAt=iso(row.created_at),
        progress=Progress(
            phase=told.phase if told else row.phase, detail=told.detail if told else "",
            done=told.done if told else None, total=told.of if told else None,
        ),
        endedAt=iso(row.ended_at) if row.ended_at else None,
        result=json.loads(row.result) if row.result else None,
        problem=problems.Problem.model_validate_json(row.problem) if row.problem else None,
    )  # fmt: skip


# --- calls --------------------------------------------------------------------------------------------------------

HEADERS = {
    "Location": {"description": "Where the operation is", "schema": {"type": "string"}},
    "Preference-Applied": {"description": preference.RESPOND_ASYNC, "schema": {"type": "string"}},
}
#: For OpenAPI, of a call that may be answered so.
RESPONSES: dict[int | str, dict[str, Any]] = {
    202: {"model": Operation, "description": "It goes on as an operation", "headers": HEADERS}
}
PREFER = {
    "name": "Prefer", "in": "header", "required": False, "schema": {"type": "string"}, "example": "respond-async, wait=5",
    "description": "`respond-async`: answer 202 with an operation, at once or, with `wait=S`, if it takes longer than S seconds",
}  # fmt: skip


async def answer(calls: Calls, action: Long, asked: Any, request: Request, kind: Kind) -> Any:
    """The answer of a call, or, where the caller prefers it, that of the operation which goes on. Raises what the call does."""
    wait = preference.respond_async(request)
    if wait is None:
        return await calls.run(kind, lambda service, asked: service.operations.run(action, asked), asked)
    live = await calls.begin(kind, action, asked)
    audit.operation(live.id)
    if wait and await calls.run("wait", lambda service, _: service.operations.wait(live, wait)):
        return live.result()
    shown = await calls.run("read", show, OperationRef(operation=live.id))
    headers = {"Location": f"/api/operations/{live.id}", "Preference-Applied": preference.RESPOND_ASYNC}
    return JSONResponse(shown.model_dump(), 202, headers=headers)
