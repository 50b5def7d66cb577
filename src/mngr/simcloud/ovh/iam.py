"""`/v2/iam/resource`: every resource with its tags, page by page, and the tags' writes."""

from __future__ import annotations

import re
import uuid
from typing import Any

from mngr.simcloud.http import Response
from mngr.simcloud.ovh.call import Call
from mngr.simcloud.ovh.records import Vps
from mngr.simcloud.ovh.state import NICHANDLE, State
from mngr.simcloud.ovh.vps import listed_at
from mngr.simcloud.ovh.words import bad, not_found
from mngr.simcloud.paging import cursor, page_size, read_cursor

DEFAULT_SIZE, LARGEST_SIZE = 100, 1000
KEY = re.compile(r"[a-zA-Z0-9_.:/=+@-]{1,128}")
VALUE = re.compile(r"[a-zA-Z0-9_.:/=+@-]{0,256}")
RESERVED = "ovh:"
ACCOUNT_ID = str(uuid.UUID("5d0e28e2-306e-11ee-8dad-0050568ce122"))


def list_resources(state: State, call: Call) -> Response:
    """Sorted by URN, so that a cursor outlives what comes and goes. Without a type it isn't VPSs alone. Each filter may
    be given several times; a resource passes that fits one value of each (contract: `resourceURN` takes patterns)."""
    kinds = call.request.query.get("resourceType")
    names = call.request.query.get("resourceName")
    patterns = call.request.query.get("resourceURN")
    replica = state.tags.any_replica()
    moment = listed_at(state, call, state.behaviour.list_lag_s)
    found: dict[str, Vps | None] = {}
    if kinds is None or "vps" in kinds:
        found |= {state.urn(vps.name): vps for vps in state.vps.list(moment)}
    if kinds is None or "account" in kinds:
        found[_account_urn(state)] = None
    if names is not None:
        found = {urn: vps for urn, vps in found.items() if (vps.name if vps else NICHANDLE) in names}
    if patterns is not None:
        found = {urn: vps for urn, vps in found.items() if any(_fits(urn, one) for one in patterns)}
    headers = call.request.headers
    size = page_size(headers.get("x-pagination-size"), DEFAULT_SIZE, LARGEST_SIZE, "X-Pagination-Size")
    after = read_cursor(headers.get("x-pagination-cursor", ""), "X-Pagination-Cursor is invalid")
    rest = [urn for urn in sorted(found) if urn > after]
    shown = rest[:size]
    views = [
        _view(state, vps, state.tags.list(vps.name, replica, call.as_of))
        if (vps := found[urn])
        else _account(urn)
        for urn in shown
    ]
    more = {"X-Pagination-Cursor-Next": cursor(shown[-1])} if len(rest) > size else {}
    return Response(200, views, more)


def get_resource(state: State, call: Call) -> dict[str, Any]:
    if call.parts["resourceURN"] == (urn := _account_urn(state)):
        return _account(urn)
    vps, request = _find(state, call), call.request
    seen = state.tags.read(vps.name, state.tags.any_replica(), request.as_of, reader=request.client())
    return _view(state, vps, seen)


def put_tag(state: State, call: Call) -> None:
    """Adds a tag, or gives it another value."""
    vps = _find(state, call)
    key, value = call.text("key"), call.text("value")
    _check_key(key)
    if not VALUE.fullmatch(value):
        raise bad(f"[value] Tag value must comply with '^{VALUE.pattern}\\z'")
    state.tags.write(vps.name, key, value, writer=call.request.client())
    _tell_bill(state, vps.name)


def delete_tag(state: State, call: Call) -> None:
    vps = _find(state, call)
    key = call.parts["key"]
    _check_key(key)
    if key not in state.tags.truth(vps.name):
        raise not_found(f"Tag {key} does not exist")
    state.tags.write(vps.name, key, None, writer=call.request.client())
    _tell_bill(state, vps.name)


def written(tags: dict[str, str]) -> list[str]:
    """As other clouds list tags."""
    return [f"{key}={value}" for key, value in tags.items()]


def _tell_bill(state: State, name: str) -> None:
    state.core.bill.change(name, tags=tuple(written(state.tags.truth(name))))


def _check_key(key: str) -> None:
    if not KEY.fullmatch(key):
        raise bad(f"[key] Tag key must comply with '^{KEY.pattern}\\z'")
    if key.startswith(RESERVED):
        raise bad(f"[key] Prefix '{RESERVED}' is reserved")


def _find(state: State, call: Call) -> Vps:
    prefix = state.urn("")
    urn = call.parts["resourceURN"]
    vps = state.vps.get(urn.removeprefix(prefix)) if urn.startswith(prefix) else None
    if vps is None:
        raise not_found(f"Resource {urn} does not exist")
    return vps


def _view(state: State, vps: Vps, tags: dict[str, str]) -> dict[str, Any]:
    """Schema `iam.resource.Resource`."""
    return {
        "id": vps.iam_id,
        "urn": state.urn(vps.name),
        "name": vps.name,
        "displayName": vps.display_name or vps.name,
        "type": "vps",
        "owner": NICHANDLE,
        "tags": tags,
    }


def _fits(urn: str, pattern: str) -> bool:
    """`*` stands for anything."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), urn) is not None


def _account_urn(state: State) -> str:
    return f"urn:v1:{state.flavour.name}:resource:account:{NICHANDLE}"


def _account(urn: str) -> dict[str, Any]:
    named = {"id": ACCOUNT_ID, "urn": urn, "name": NICHANDLE, "displayName": NICHANDLE}
    return {**named, "type": "account", "owner": NICHANDLE, "tags": {}}
