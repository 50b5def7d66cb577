"""Resources inside another one, which its own view lists: rules of a security group, subnets of a network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mngr.simcloud.azure import ids
from mngr.simcloud.azure.call import Call
from mngr.simcloud.azure.records import Resource
from mngr.simcloud.azure.resources import Kind
from mngr.simcloud.azure.state import State
from mngr.simcloud.azure.words import refuse
from mngr.simcloud.http import Response

Part = Mapping[str, Any]


def _nothing(*given: Any) -> None:
    return None


@dataclass(frozen=True)
class Nested:
    """`build` reads one of them from a body: (state, call, parent, given)."""

    parent: Kind
    field: str
    build: Callable[[State, Call, Resource, Any], dict[str, Any]]
    check: Callable[[list[Part]], None] = _nothing
    """The last of the list is new. Raises ApiError."""
    may_go: Callable[[State, Part], None] = _nothing
    shown: Callable[[State, Part], Part] = lambda state, part: part

    def put(self, state: State, call: Call) -> Response:
        parent = self._parent(state, call)
        state.open_group(call.id.group)
        name = call.id.name
        others = [one for one in parent.properties[self.field] if one["name"].lower() != name.lower()]
        made = self.build(state, call, parent, {**call.body, "name": name})
        self.check([*others, made])
        there = len(others) < len(parent.properties[self.field])
        # what is replaced stays where it was
        new = [made if one["name"].lower() == name.lower() else one for one in parent.properties[self.field]]
        self._keep(state, parent, new if there else [*others, made])
        return self._operation(state, call, parent, 200 if there else 201, self.shown(state, made))

    def get(self, state: State, call: Call) -> Part:
        return self.shown(state, self._find(state, call))

    def list(self, state: State, call: Call) -> dict[str, Any]:
        parent = state.find(call.path.rpartition("/")[0], call.as_of)
        return {"value": [self.shown(state, one) for one in parent.properties[self.field]]}

    def delete(self, state: State, call: Call) -> Response:
        parent = state.resources.get(call.path.rpartition("/")[0].rpartition("/")[0].lower())
        name = call.id.name.lower()
        found = (
            [one for one in parent.properties[self.field] if one["name"].lower() == name] if parent else []
        )
        if not parent or not found:
            return Response(204)
        self.may_go(state, found[0])
        self._keep(
            state, parent, [one for one in parent.properties[self.field] if one["name"].lower() != name]
        )
        return self._operation(state, call, parent, 202, None)

    def _keep(self, state: State, parent: Resource, parts: Sequence[Part]) -> None:
        state.change(parent.key, properties={self.field: parts}, state="Updating")

    def _operation(self, state: State, call: Call, parent: Resource, status: int, body: Any) -> Response:
        _, response = state.operations.begin(
            call,
            parent.id,
            getattr(state.behaviour, self.parent.seconds),
            lambda: state.change(parent.key, state="Succeeded") and body,
            status=status,
            body=body,
        )
        return response

    def _parent(self, state: State, call: Call) -> Resource:
        id = call.path.rpartition("/")[0].rpartition("/")[0]
        found = state.resources.get(id.lower(), call.as_of)
        if found is None:
            state.group(call.id.group, call.as_of)
            wanted = ids.parse(id)
            raise refuse(
                404,
                "ParentResourceNotFound",
                f"Failed to perform '{ids.VERBS.get(call.request.method, 'read')}' on resource(s) of type '{call.id.type}', because the parent resource '{id}' could not be found.",
                target=wanted.name,
            )
        return found

    def _find(self, state: State, call: Call) -> Part:
        parent = state.find(call.path.rpartition("/")[0].rpartition("/")[0], call.as_of)
        name = call.id.name
        for one in parent.properties[self.field]:
            if one["name"].lower() == name.lower():
                return one
        raise refuse(404, "NotFound", f"Resource {parent.id}/{self.field}/{name} not found.")
