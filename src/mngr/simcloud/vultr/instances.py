"""`/instances`, but for creating one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from mngr.simcloud.http import Request, Response
from mngr.simcloud.vultr import body as read
from mngr.simcloud.vultr import machine
from mngr.simcloud.vultr.catalog import PLANS
from mngr.simcloud.vultr.errors import ApiError
from mngr.simcloud.vultr.paging import page
from mngr.simcloud.vultr.records import Instance
from mngr.simcloud.vultr.state import State

FILTERS = ("label", "main_ip", "region", "firewall_group_id", "hostname")


def list_instances(state: State, request: Request) -> Response:
    found = [instance for instance in state.instances.list(request.as_of) if _wanted(instance, request)]
    charges = request.first("show_pending_charges") == "true"
    return Response(200, page(request, "instances", [_view(state, instance, charges) for instance in found]))


def get(state: State, request: Request, id: str) -> Response:
    charges = request.first("show_pending_charges") == "true"
    return Response(200, {"instance": _view(state, find(state, id, request.as_of), charges)})


def update(state: State, body: dict[str, Any], id: str) -> Response:
    """Attributes that aren't given keep their values."""
    instance = find(state, id)
    changes: dict[str, Any] = {}
    for name in ("label", "firewall_group_id", "user_scheme"):
        if name in body:
            changes[name] = read.text(body, name)
    if "tags" in body:
        changes["tags"] = read.texts(body, "tags")
    elif "tag" in body:
        changes["tags"] = tuple(filter(None, [read.text(body, "tag")]))
    if "user_data" in body:
        changes["user_data"] = read.user_data(body)
    if "enable_ipv6" in body:
        changes["enable_ipv6"] = bool(body["enable_ipv6"])
    if "plan" in body and body["plan"] != instance.plan:
        raise ApiError(
            400, "Invalid plan chosen." if body["plan"] not in PLANS else "Upgrades aren't simulated."
        )
    changed = replace(instance, **changes)
    state.instances.put(id, changed)
    state.core.bill.change(id, name=changed.label, tags=changed.tags)
    return Response(202, {"instance": changed.view(state.core.clock.now())})


def delete(state: State, id: str) -> Response:
    """Ends the machine, its disk and its bill."""
    find(state, id)
    state.instances.remove(id)
    state.core.bill.close(id)
    machine.end(state, id)
    return Response(204)


def halt(state: State, id: str) -> Response:
    return _power(state, [id], machine.halt)


def start(state: State, id: str) -> Response:
    return _power(state, [id], machine.start)


def reboot(state: State, id: str) -> Response:
    return _power(state, [id], machine.reboot)


def halt_several(state: State, body: dict[str, Any]) -> Response:
    return _power(state, read.texts(body, "instance_ids"), machine.halt)


def start_several(state: State, body: dict[str, Any]) -> Response:
    return _power(state, read.texts(body, "instance_ids"), machine.start)


def reinstall(state: State, body: dict[str, Any], id: str) -> Response:
    instance = find(state, id)
    changed = replace(
        instance,
        hostname=read.text(body, "hostname") or instance.hostname,
        status="pending",
        server_status="none",
    )
    state.instances.put(id, changed)
    machine.reinstall(state, changed)
    return Response(202, {"instance": changed.view(state.core.clock.now())})


def restore(state: State, body: dict[str, Any], id: str) -> Response:
    """Put a snapshot onto the instance's disk."""
    instance = find(state, id)
    snapshot = state.snapshots.get(read.text(body, "snapshot_id", required=True))
    if snapshot is None or snapshot.status != "complete":
        raise ApiError(400, "Invalid snapshot chosen.")
    changed = replace(instance, snapshot_id=snapshot.id, os_id=164, status="pending", server_status="locked")
    state.instances.put(id, changed)
    machine.reinstall(state, changed)
    return Response(
        202,
        {"status": {"restore_type": "snapshot_id", "restore_id": snapshot.id, "status": "inprogress"}},
    )


def user_data(state: State, id: str) -> Response:
    return Response(200, {"user_data": {"data": find(state, id).user_data}})


def find(state: State, id: str, as_of: float | None = None) -> Instance:
    instance = state.instances.get(id, as_of)
    if instance is None:
        raise ApiError(404, "Invalid instance.")
    return instance


def _power(state: State, ids: list[str] | tuple[str, ...], act: Callable[[State, str], None]) -> Response:
    if not ids:
        raise ApiError(400, "instance_ids is required.")
    for id in ids:
        find(state, id)
    for id in ids:
        act(state, id)
    return Response(204)


def _wanted(instance: Instance, request: Request) -> bool:
    tag = request.first("tag")
    if tag and tag not in instance.tags:
        return False
    return all(request.first(name) in (None, "", getattr(instance, name)) for name in FILTERS)


def _view(state: State, instance: Instance, charges: bool) -> dict[str, Any]:
    view = {**instance.view(state.core.clock.now()), "vpcs": []}
    if charges:
        view["pending_charges"] = round(state.core.bill.cost(instance.id), 2)
    return view
