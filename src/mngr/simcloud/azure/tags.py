"""Tags at a scope, `…/providers/Microsoft.Resources/tags/default`: merged, replaced or deleted by the server, without a race."""

from __future__ import annotations

from typing import Any

from mngr.simcloud.azure import ids
from mngr.simcloud.azure.call import Call, checked_tags
from mngr.simcloud.azure.state import State
from mngr.simcloud.azure.words import bad
from mngr.simcloud.http import Response


def get(state: State, call: Call) -> dict[str, Any]:
    return _view(state, call, _present(state, call))


def put(state: State, call: Call) -> Response:
    return _set(state, call, checked_tags(call.at("properties.tags", dict, {})))


def patch(state: State, call: Call) -> Response:
    operation, given = call.at("operation", default=""), call.at("properties.tags", dict, {})
    present = _present(state, call)
    if operation.lower() == "replace":
        return _set(state, call, checked_tags(given))
    if operation.lower() == "merge":
        there = {name.lower(): name for name in present}
        for name, value in given.items():
            present.pop(there.get(name.lower(), ""), None)
            present[name] = value
        return _set(state, call, checked_tags(present))
    if operation.lower() == "delete":
        # A pair goes if its value is the same, or none is given.
        gone = {name.lower(): value for name, value in given.items()}
        left = {
            name: value
            for name, value in present.items()
            if gone.get(name.lower(), not value) not in (value, "")
        }
        return _set(state, call, left)
    raise bad(f"The tags operation '{operation}' is none of Replace, Merge, Delete.", "operation")


def delete(state: State, call: Call) -> Response:
    _set(state, call, {})
    return Response(200)


def _scope(call: Call) -> str:
    return "/" + call.parts["scope"].strip("/")


def _present(state: State, call: Call) -> dict[str, str]:
    scope = _scope(call)
    id = ids.parse(scope)
    if id.type:
        return dict(state.find(scope, call.as_of).tags)
    return dict(state.group(id.group, call.as_of).tags) if id.group else {}


def _set(state: State, call: Call, tags: dict[str, str]) -> Response:
    scope = _scope(call)
    id = ids.parse(scope)
    if id.type:
        one = state.find(scope)
        changed = state.change(one.key, tags=tags) or one
        state.core.bill.change(one.id, tags=changed.bill_tags())
    elif id.group:
        state.groups.change(state.open_group(id.group).name.lower(), tags=tags)
    state.told(call, "Succeeded")
    return Response(200, _view(state, call, tags))


def _view(state: State, call: Call, tags: dict[str, str]) -> dict[str, Any]:
    return {
        "id": f"{_scope(call)}/providers/Microsoft.Resources/tags/default",
        "name": "default",
        "type": "Microsoft.Resources/tags",
        "properties": {"tags": tags},
    }
