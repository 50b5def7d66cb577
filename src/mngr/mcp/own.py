"""Tools about operations of `mngr mcp`, and of the VM service where one is named."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from mngr.mcp.operations import Operations
from mngr.mcp.verbs import Caller, Verb, schema
from mngr.mcp.vms import remote
from mngr.model.clock import SYSTEM
from mngr.model.errors import NotFound
from mngr.model.waiting import looks
from mngr.vmservice import long, toolbox


def verbs(operations: Operations) -> Mapping[str, Verb]:
    def list_(caller: Caller, asked: long.OperationsAsked) -> Any:
        found = [
            one
            for one in ([] if asked.before else operations.list_())  # all of these are on the first page
            if asked.state in ("any", one.state) and asked.target in ("", one.target)
        ]
        rows = [one.model_dump() for one in found]
        if service := remote():
            params = asked.model_dump(exclude_defaults=True)
            rows += service.get("/api/operations", params)["operations"]
        return {"operations": rows[: asked.limit]}

    def show(caller: Caller, asked: long.OperationRef) -> Any:
        began = time.monotonic()
        for _ in looks(SYSTEM, asked.wait, most=0.5):
            try:
                shown = operations.show(asked.operation)
            except NotFound:
                if (service := remote(asked.wait)) is None:
                    raise
                left = max(0, asked.wait - int(time.monotonic() - began))
                return service.get(f"/api/operations/{asked.operation}", {"wait": left})
            if shown.state != "running":
                break
        shown = operations.show(asked.operation)
        if shown.state != "running":
            operations.heard(asked.operation)
        return shown

    runs = {"operation_list": list_, "operation_show": show}
    answers = {"operation_list": long.Operations, "operation_show": long.Operation}
    return {
        name: Verb(
            name,
            toolbox.BY_NAME[name].about,
            "read",
            toolbox.BY_NAME[name].request,
            schema(answers[name]),
            run,
        )
        for name, run in runs.items()
    }
