"""`/instances`, but for creating one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from mngr.simcloud.call import Call, missing
from mngr.simcloud.http import Request
from mngr.simcloud.vultr import machine, snapshots
from mngr.simcloud.vultr.catalog import PLANS
from mngr.simcloud.vultr.paging import page
from mngr.simcloud.vultr.records import Instance
from mngr.simcloud.vultr.state import State
from mngr.simcloud.vultr.words import bad, tags, user_data

FILTERS = ("label", "main_ip", "region", "firewall_group_id", "hostname")


def list_instances(state: State, call: Call) -> dict[str, Any]:
    found = [one for one in state.instances.list(call.as_of) if _wanted(one, call.request)]
    return page(call, "instances", [_view(state, call, one) for one in found])


def get(state: State, call: Call) -> dict[str, Any]:
    return {"instance": _view(state, call, _find(state, call, call.as_of))}


def update(state: State, call: Call) -> dict[str, Any]:
    """Attributes that aren't given keep their values."""
    instance, body = _find(state, call), call.body
    changes: dict[str, Any] = {}
    for name in ("label", "firewall_group_id", "user_scheme"):
        if name in body:
            changes[name] = call.text(name)
    if (given := tags(call)) is not None:
        changes["tags"] = given
    if "user_data" in body:
        changes["user_data"] = user_data(call)
    if "enable_ipv6" in body:
        changes["enable_ipv6"] = bool(body["enable_ipv6"])
    if "plan" in body and body["plan"] != instance.plan:
        raise bad("Invalid plan chosen." if body["plan"] not in PLANS else "Upgrades aren't simulated.")
    changed = _changed(state, instance, **changes)
    state.core.bill.change(instance.id, name=changed.label, tags=changed.tags)
    return {"instance": changed.view(state.now())}


def delete(state: State, call: Call) -> None:
    """Ends the machine, its disk and its bill."""
    id = _find(state, call).id
    state.instances.remove(id)
    state.core.bill.close(id)
    state.machines.end(id)


def halt(state: State, call: Call) -> None:
    _power(state, [call.parts["id"]], machine.halt)


def start(state: State, call: Call) -> None:
    _power(state, [call.parts["id"]], machine.start)


def reboot(state: State, call: Call) -> None:
    _power(state, [call.parts["id"]], machine.reboot)


def halt_several(state: State, call: Call) -> None:
    _power(state, _several(call), machine.halt)


def start_several(state: State, call: Call) -> None:
    _power(state, _several(call), machine.start)


def reinstall(state: State, call: Call) -> dict[str, Any]:
    instance = _find(state, call)
    hostname = call.text("hostname") or instance.hostname
    changed = _changed(state, instance, hostname=hostname, status="pending", server_status="none")
    machine.reinstall(state, changed)
    return {"instance": changed.view(state.now())}


def restore(state: State, call: Call) -> dict[str, Any]:
    """Put a snapshot onto the instance's disk."""
    instance = _find(state, call)
    snapshot = snapshots.complete(state, call.text("snapshot_id", required=True))
    waits = {"status": "pending", "server_status": "locked"}
    machine.reinstall(state, _changed(state, instance, snapshot_id=snapshot.id, os_id=164, **waits))
    return {"status": {"restore_type": "snapshot_id", "restore_id": snapshot.id, "status": "inprogress"}}


def get_user_data(state: State, call: Call) -> dict[str, Any]:
    return {"user_data": {"data": _find(state, call).user_data}}


def _find(state: State, call: Call, as_of: float | None = None) -> Instance:
    return state.instances.find(call.parts["id"], as_of)


def _changed(state: State, instance: Instance, **changes: Any) -> Instance:
    changed = state.instances.change(instance.id, **changes)
    assert changed  # found by the same call, under the core's lock
    return changed


def _several(call: Call) -> Sequence[str]:
    ids = call.texts("instance_ids")
    if not ids:
        raise missing(call.words, "instance_ids")
    return ids


def _power(state: State, ids: Sequence[str], act: Callable[[State, str], None]) -> None:
    """All of them, or none if one isn't there."""
    for id in ids:
        state.instances.find(id)
    for id in ids:
        act(state, id)


def _wanted(instance: Instance, request: Request) -> bool:
    tag = request.first("tag")
    if tag and tag not in instance.tags:
        return False
    return all(request.first(name) in (None, "", getattr(instance, name)) for name in FILTERS)


def _view(state: State, call: Call, instance: Instance) -> dict[str, Any]:
    view = {**instance.view(state.now()), "vpcs": []}
    if call.request.first("show_pending_charges") == "true":
        view["pending_charges"] = round(state.core.bill.cost(instance.id), 2)
    return view
