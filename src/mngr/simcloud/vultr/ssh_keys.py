"""`/ssh-keys`."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

from mngr.simcloud.http import Request, Response
from mngr.simcloud.vultr.body import text
from mngr.simcloud.vultr.errors import ApiError
from mngr.simcloud.vultr.paging import page
from mngr.simcloud.vultr.records import SshKey
from mngr.simcloud.vultr.state import State


def list_keys(state: State, request: Request) -> Response:
    return Response(
        200, page(request, "ssh_keys", [key.view() for key in state.ssh_keys.list(request.as_of)])
    )


def create(state: State, request: Request, body: dict[str, Any]) -> Response:
    name, public = text(body, "name", required=True), text(body, "ssh_key", required=True)
    _check(public)
    key = SshKey(str(uuid.uuid4()), state.core.clock.now(), name, public)
    state.ssh_keys.put(key.id, key)
    return Response(201, {"ssh_key": key.view()})


def get(state: State, request: Request, id: str) -> Response:
    return Response(200, {"ssh_key": _find(state, id, request.as_of).view()})


def update(state: State, body: dict[str, Any], id: str) -> Response:
    key = _find(state, id)
    public = text(body, "ssh_key") or key.ssh_key
    _check(public)
    state.ssh_keys.put(id, replace(key, name=text(body, "name") or key.name, ssh_key=public))
    return Response(204)


def delete(state: State, id: str) -> Response:
    _find(state, id)
    state.ssh_keys.remove(id)
    return Response(204)


def _find(state: State, id: str, as_of: float | None = None) -> SshKey:
    key = state.ssh_keys.get(id, as_of)
    if key is None:
        raise ApiError(404, "Invalid ssh-key.")
    return key


def _check(public: str) -> None:
    kind, _, rest = public.strip().partition(" ")
    if not kind.startswith(("ssh-", "ecdsa-", "sk-")) or not rest:
        raise ApiError(400, "Invalid SSH key.")
