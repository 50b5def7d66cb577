"""`/snapshots`: an instance's disk, kept apart and billed by the GB-month."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

from mngr.simcloud.bill import Stored
from mngr.simcloud.http import Request, Response
from mngr.simcloud.vultr import body as read
from mngr.simcloud.vultr import instances
from mngr.simcloud.vultr.catalog import SNAPSHOT_GB_MONTH
from mngr.simcloud.vultr.errors import ApiError
from mngr.simcloud.vultr.paging import page
from mngr.simcloud.vultr.records import Snapshot
from mngr.simcloud.vultr.state import State


def list_snapshots(state: State, request: Request) -> Response:
    wanted = request.first("description")
    found = [one for one in state.snapshots.list(request.as_of) if wanted in (None, "", one.description)]
    return Response(200, page(request, "snapshots", [snapshot.view() for snapshot in found]))


def create(state: State, body: dict[str, Any]) -> Response:
    """Pending with size 0 until the disk is copied."""
    instance = instances.find(state, read.text(body, "instance_id", required=True))
    if instance.status != "active":
        raise ApiError(400, "Instance is not active.")
    now = state.core.clock.now()
    snapshot = Snapshot(str(uuid.uuid4()), now, read.text(body, "description"), instance.id, instance.os_id)
    state.snapshots.put(snapshot.id, snapshot)
    state.core.bill.open(
        snapshot.id, "snapshot", snapshot.description, instance.tags, Stored(0, SNAPSHOT_GB_MONTH)
    )
    state.core.jobs.submit(instance.id, lambda: _copy(state, snapshot))
    return Response(201, {"snapshot": snapshot.view()})


def get(state: State, request: Request, id: str) -> Response:
    return Response(200, {"snapshot": _find(state, id, request.as_of).view()})


def update(state: State, body: dict[str, Any], id: str) -> Response:
    snapshot = _find(state, id)
    state.snapshots.put(id, replace(snapshot, description=read.text(body, "description", required=True)))
    return Response(204)


def delete(state: State, id: str) -> Response:
    """An instance made from it keeps running."""
    _find(state, id)
    state.snapshots.remove(id)
    state.core.bill.close(id)
    state.core.jobs.submit(id, lambda: state.core.machines.drop_disk(id))
    return Response(204)


def _copy(state: State, snapshot: Snapshot) -> None:
    size = state.core.machines.save_disk(snapshot.instance, snapshot.id)
    with state.core.lock:
        current = state.snapshots.get(snapshot.id)
        if current is not None:
            state.snapshots.put(snapshot.id, replace(current, size=size, status="complete"))
            state.core.bill.change(snapshot.id, rate=Stored(size / 1024**3, SNAPSHOT_GB_MONTH))
    if current is None:
        state.core.machines.drop_disk(snapshot.id)


def _find(state: State, id: str, as_of: float | None = None) -> Snapshot:
    snapshot = state.snapshots.get(id, as_of)
    if snapshot is None:
        raise ApiError(404, "Invalid snapshot.")
    return snapshot
