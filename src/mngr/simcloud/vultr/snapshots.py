"""`/snapshots`: an instance's disk, kept apart and billed by the GB-month."""

from __future__ import annotations

import uuid
from typing import Any

from mngr.simcloud.bill import Stored
from mngr.simcloud.call import Call
from mngr.simcloud.vultr.catalog import SNAPSHOT_GB_MONTH
from mngr.simcloud.vultr.paging import page
from mngr.simcloud.vultr.records import Snapshot
from mngr.simcloud.vultr.state import State
from mngr.simcloud.vultr.words import bad


def list_snapshots(state: State, call: Call) -> dict[str, Any]:
    wanted = call.request.first("description")
    found = [one for one in state.snapshots.list(call.as_of) if wanted in (None, "", one.description)]
    return page(call, "snapshots", [snapshot.view() for snapshot in found])


def create(state: State, call: Call) -> dict[str, Any]:
    """Pending with size 0 until the disk is copied."""
    instance = state.instances.find(call.text("instance_id", required=True))
    if instance.status != "active":
        raise bad("Instance is not active.")
    description = call.text("description")
    snapshot = Snapshot(str(uuid.uuid4()), state.now(), description, instance.id, instance.os_id)
    state.snapshots.put(snapshot.id, snapshot)
    rate = Stored(0, SNAPSHOT_GB_MONTH)
    state.core.bill.open(snapshot.id, "snapshot", snapshot.description, instance.tags, rate)
    state.core.jobs.submit(instance.id, lambda: _copy(state, snapshot))
    return {"snapshot": snapshot.view()}


def get(state: State, call: Call) -> dict[str, Any]:
    return {"snapshot": state.snapshots.find(call.parts["id"], call.as_of).view()}


def update(state: State, call: Call) -> None:
    snapshot = state.snapshots.find(call.parts["id"])
    state.snapshots.change(snapshot.id, description=call.text("description", required=True))


def delete(state: State, call: Call) -> None:
    """An instance made from it keeps running."""
    id = state.snapshots.find(call.parts["id"]).id
    state.snapshots.remove(id)
    state.core.bill.close(id)
    state.core.jobs.submit(id, lambda: state.core.machines.drop_disk(id))


def complete(state: State, id: str) -> Snapshot:
    """One that a disk can be made from. Raises ApiError."""
    snapshot = state.snapshots.get(id)
    if snapshot is None or snapshot.status != "complete":
        raise bad("Invalid snapshot chosen.")
    return snapshot


def _copy(state: State, snapshot: Snapshot) -> None:
    size = state.core.machines.save_disk(snapshot.instance, snapshot.id)
    if state.snapshots.change(snapshot.id, size=size, status="complete"):
        state.core.bill.change(snapshot.id, rate=Stored(size / 1024**3, SNAPSHOT_GB_MONTH))
    else:
        state.core.machines.drop_disk(snapshot.id)
