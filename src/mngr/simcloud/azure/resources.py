"""What all kinds of resources have in common: made by PUT, tagged by PATCH, listed, deleted, each change an operation."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from mngr.simcloud.azure import ids, providers, rights
from mngr.simcloud.azure.call import Call
from mngr.simcloud.azure.catalog import REGIONS
from mngr.simcloud.azure.records import Resource
from mngr.simcloud.azure.state import State
from mngr.simcloud.azure.words import bad, refuse
from mngr.simcloud.call import ApiError
from mngr.simcloud.http import Response
from mngr.simcloud.paging import cursor, read_cursor

NAME = re.compile(r"[A-Za-z0-9]([\w.-]{0,78}\w)?", re.ASCII)


def _nothing(*given: Any) -> None:
    return None


@dataclass(frozen=True)
class Kind:
    """`build` reads a PUT's body, given the resource that is there already; the rest is told of what happens. `seconds` is the
    name of the behaviour that says how long an operation takes."""

    type: str
    build: Callable[[State, Call, Resource | None], Resource]
    seconds: str = "network_s"
    made: Callable[[State, Resource], None] = _nothing
    """It is there, for the first time or changed."""
    may_go: Callable[[State, Resource], None] = _nothing
    """Raises ApiError for what is in use."""
    gone: Callable[[State, Resource], None] = _nothing
    shown: Callable[[State, Resource], Mapping[str, Any] | None] = _nothing
    """Properties that follow from other resources."""
    created: int = 201
    updated: int = 200
    etag: bool = False

    def view(self, state: State, one: Resource) -> dict[str, Any]:
        view = one.view()
        view["properties"] |= self.shown(state, one) or {}
        return view | ({"etag": f'W/"{one.etag}"'} if self.etag else {})

    def put(self, state: State, call: Call) -> Response:
        state.open_group(call.id.group)
        providers.require(state, self.type)
        present = state.resources.get(call.path.lower())
        preconditions(call, present)
        busy(state, call.path)
        built = self.build(state, call, present)
        one = replace(built, state="Updating" if present else "Creating")
        state.resources.put(one.key, one)
        self.made(state, one)
        _, response = state.operations.begin(
            call,
            one.id,
            getattr(state.behaviour, self.seconds),
            lambda: self.settled(state, one.key),
            status=self.updated if present else self.created,
            body=self.view(state, state.find(one.id)),
        )
        return response

    def settled(self, state: State, key: str) -> dict[str, Any] | None:
        """It is done; the resource as it is then."""
        one = state.change(key, state="Succeeded")
        return self.view(state, one) if one else None

    def patch(self, state: State, call: Call) -> Any:
        """Its tags, wholly."""
        one = state.find(call.path)
        if "tags" in call.body:
            one = state.change(one.key, tags=call.tags()) or one
            state.core.bill.change(one.id, tags=one.bill_tags())
        state.told(call, "Succeeded", one.id)
        return self.view(state, one)

    def get(self, state: State, call: Call) -> dict[str, Any]:
        return self.view(state, state.find(call.path, call.as_of))

    def list(self, state: State, call: Call) -> dict[str, Any]:
        """Of a group, a location, or everywhere; of those inside another resource, that one's."""
        group, location = call.parts.get("group", ""), call.parts.get("location", "").lower()
        if group:
            state.group(group, call.as_of)
        found = state.of(self.type, group, call.as_of)
        if self.type.count("/") > 1:
            parent = call.path.rpartition("/")[0].lower()
            if state.resources.get(parent) is None:
                raise refuse(
                    404,
                    "ParentResourceNotFound",
                    f"Can not perform requested operation on nested resource. Parent resource '{parent.rpartition('/')[2]}' not found.",
                )
            found = [one for one in found if one.key.startswith(f"{call.path.lower()}/")]
        return paged(state, call, [self.view(state, one) for one in found if location in ("", one.location)])

    def delete(self, state: State, call: Call) -> Response:
        state.group(call.id.group)
        one = state.resources.get(call.path.lower())
        if one is None:
            return Response(204)
        busy(state, call.path)
        self.may_go(state, one)
        state.change(one.key, state="Deleting")
        seconds = getattr(state.behaviour, self.seconds)
        _, response = state.operations.begin(
            call, one.id, seconds, lambda: self.remove(state, one.key), status=202
        )
        return response

    def remove(self, state: State, key: str) -> None:
        """It is gone now. May be repeated."""
        one = state.resources.get(key)
        if one is not None:
            state.resources.remove(key)
            state.core.bill.close(one.id)
            self.gone(state, one)


def paged(state: State, call: Call, views: list[dict[str, Any]]) -> dict[str, Any]:
    """One page of a list. `nextLink` is a whole URL, with the api-version that was asked with."""
    query, size = call.request.query, max(1, state.behaviour.page)
    token = next((values[0] for name, values in query.items() if name.lower() == "$skiptoken"), "")
    start = int(read_cursor(token, "The skip token is invalid.") or 0)
    page: dict[str, Any] = {"value": views[start : start + size]}
    if start + size < len(views):
        kept = {name: values[0] for name, values in query.items() if name.lower() != "$skiptoken"}
        again = urlencode({**kept, "$skiptoken": cursor(str(start + size))})
        page["nextLink"] = f"{call.host()}{call.request.path}?{again}"
    return page


def base(
    state: State, call: Call, kind: str, present: Resource | None, name: re.Pattern[str] = NAME
) -> Resource:
    """What every PUT says: its place, where, tags. Raises ApiError."""
    id = call.id
    if not name.fullmatch(id.name):
        raise refuse(
            400,
            "InvalidResourceName",
            f"Resource name {id.name} is invalid. The name can be up to 80 characters long. It must begin with a word character, and it must end with a word character or with '_'.",
        )
    location = place(call)
    if present:
        if location and location != present.location:
            raise refuse(
                409,
                "InvalidResourceLocation",
                f"The resource '{id.name}' already exists in location '{present.location}' in resource group '{id.group}'. A "
                f"resource with the same name cannot be created in location '{location}'. Please select a new resource name.",
            )
        return replace(present, tags=call.tags(), etag=str(uuid.uuid4()))
    if not location:
        raise refuse(400, "LocationRequired", "The location property is required for this definition.")
    if location not in REGIONS:
        known = ",".join(REGIONS)
        message = f"The provided location '{location}' is not available for resource type '{kind}'. List of available regions for the resource type is '{known}'."
        raise refuse(400, "LocationNotAvailableForResourceType", message)
    group = state.group(id.group)
    full = ids.resource_id(state.subscription, group.name, kind, *id.names)
    return Resource(full, kind, location, state.now(), tags=call.tags())


def place(call: Call) -> str:
    return call.at("location", default="").replace(" ", "").lower()


def referenced(state: State, call: Call, id: str, type: str, location: str, right: str = "") -> Resource:
    """Another resource that one refers to, in the same region, which the caller has the right to join. Raises ApiError."""
    found = state.resources.get(id.lower())
    if found is None or found.type.lower() != type.lower() or (location and found.location != location):
        raise refuse(
            400,
            "InvalidResourceReference",
            f"Resource {id} referenced by resource {call.path} was not found. Please make sure that the referenced resource "
            "exists, and that both resources are in the same region.",
        )
    if right:
        action, scope = ids.right(call.request.method, call.path)
        rights.require_linked(state, call.who, action, scope, f"{type}/{right}", found.id)
    return found


def preconditions(call: Call, present: Resource | None) -> None:
    """If-Match and If-None-Match. Raises ApiError 412."""
    wanted, unwanted = call.request.headers.get("if-match"), call.request.headers.get("if-none-match")
    etag = present.etag if present else None
    bare = [re.sub(r'^(W/)?"?|"$', "", given or "") for given in (wanted, unwanted)]
    if (wanted and (etag is None or bare[0] not in ("*", etag))) or (
        unwanted and etag is not None and bare[1] in ("*", etag)
    ):
        raise refuse(
            412,
            "PreconditionFailed",
            f"Precondition failed. The etag of '{call.path}' isn't what the request's headers demand.",
        )


def busy(state: State, id: str) -> None:
    """Raises ApiError 409 while another operation deletes it."""
    one = state.resources.get(id.lower())
    if one and one.state == "Deleting":
        raise refuse(
            409,
            "OperationNotAllowed",
            f"Operation 'write' is not allowed on '{one.name}' since it is marked for deletion.",
        )


def required(call: Call, path: str, type: type = str) -> Any:
    value = call.at(path, type)
    if value in (None, "", []):
        name = path.removeprefix("properties.")
        raise bad(f"Required parameter '{name}' is missing (null).", name)
    return value


def failed(code: str, message: str) -> ApiError:
    """What an operation ends with that fails after it was taken."""
    return refuse(409, code, message)
