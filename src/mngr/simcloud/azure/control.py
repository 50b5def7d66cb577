"""What the control interface has for Azure alone: behaviour, principals, capacity and quota, throttling, eviction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from mngr.simcloud.azure import vm_power
from mngr.simcloud.azure.call import value_at
from mngr.simcloud.azure.imds import Imds
from mngr.simcloud.azure.principals import Principal
from mngr.simcloud.azure.records import Resource
from mngr.simcloud.azure.state import State
from mngr.simcloud.clock import iso
from mngr.simcloud.http import Request
from mngr.simcloud.match import refuse_unknown


def routes(state: State) -> dict[tuple[str, str], Callable[[Request], Any]]:
    def market(change: Callable[[dict[str, Any]], None]) -> Callable[[Request], Any]:
        def act(request: Request) -> Any:
            with state.core.lock:
                change(request.json())
            return state.market.view()

        return act

    return {
        **state.behaviour.controls(state.core.lock),
        ("GET", "/principals"): lambda request: {
            "principals": [_view(state, one) for one in state.principals.all()]
        },
        ("POST", "/principals"): lambda request: _principal(state, request),
        ("POST", "/tokens/expire"): lambda request: {"expired": state.principals.expire()},
        ("POST", "/capacity"): market(state.market.set_capacity),
        ("POST", "/quota"): market(state.market.set_quota),
        ("POST", "/evict"): lambda request: _evict(state, request),
        ("POST", "/imds"): lambda request: _imds(state, request),
        ("POST", "/throttle"): lambda request: _throttle(state, request),
    }


def _principal(state: State, request: Request) -> dict[str, Any]:
    """One more, with the actions that it may do without a role (`allow`), less those of `without`."""
    data = request.json()
    refuse_unknown("principals", data, ("name", "allow", "without"))
    for name in ("allow", "without"):
        if not all(isinstance(one, str) for one in data.get(name, [])):
            raise ValueError(f"principals: {name} is a list of actions")
    with state.core.lock:
        one = Principal(
            data.get("name", "test"),
            allow=tuple(data.get("allow", ["*"])),
            without=tuple(data.get("without", [])),
        )
        state.principals.add(one)
    return _view(state, one)


def _view(state: State, one: Principal) -> dict[str, Any]:
    return {
        "name": one.name,
        "object_id": one.id,
        "client_id": one.app,
        "vm": one.vm,
        "allow": list(one.allow),
        "without": list(one.without),
        "env": {} if one.vm else one.env(state.principals.tenant),
    }


def _vm(state: State, data: dict[str, Any]) -> Resource:
    """By its id or name."""
    wanted = str(data.get("vm", "")).lower()
    for one in state.of(vm_power.TYPE):
        if wanted in (one.key, one.name.lower()):
            return one
    raise ValueError(f"no VM {data.get('vm')} here")


def _evict(state: State, request: Request) -> dict[str, Any]:
    data = request.json()
    refuse_unknown("evict", data, ("vm",))
    with state.core.lock:
        vm = _vm(state, data)
        vm_power.evict(state, vm)
    return {"vm": vm.id}


def _imds(state: State, request: Request) -> dict[str, Any]:
    """What a machine would be told inside: for fake ones, which have no network. `target` is path and query."""
    data = request.json()
    refuse_unknown("imds", data, ("vm", "target", "method"))
    with state.core.lock:
        vm = _vm(state, data)
    target = urlsplit(data.get("target", ""))
    asked = Request(
        data.get("method", "GET"), target.path, parse_qs(target.query), {"metadata": "true"}, b"", ""
    )
    answer = Imds(state, vm.properties["vmId"])(asked)
    body = answer.body.decode() if isinstance(answer.body, bytes) else answer.body
    return {"status": answer.status, "body": body}


def _throttle(state: State, request: Request) -> dict[str, Any]:
    data = request.json()
    refuse_unknown("throttle", data, ("bucket", "left"))
    state.throttle.set(data.get("bucket", ""), int(data.get("left", 0)))
    return {}


def resources(state: State) -> list[dict[str, Any]]:
    """Everything that there is, groups, roles and role assignments included."""
    found: list[dict[str, Any]] = [
        {
            "kind": "group",
            "id": one.id,
            "name": one.name,
            "tags": [f"{name}={value}" for name, value in one.tags.items()],
            "state": one.state,
            "region": one.location,
            "created": iso(one.created),
        }
        for one in state.groups.list()
    ]
    for one in [*state.resources.list(), *state.roles.list(), *state.assignments.list()]:
        found.append(
            {
                "kind": one.type.rpartition("/")[2],
                "id": one.id,
                "name": one.name,
                "tags": list(one.bill_tags()),
                "state": one.inner.get("power")
                if one.inner.get("power") and one.state == "Succeeded"
                else one.state,
                "region": one.location,
                "plan": value_at(one.properties, "hardwareProfile.vmSize", str, ""),
                "address": one.inner.get("address") or value_at(one.properties, "ipAddress", str, ""),
                "created": iso(one.created),
            }
        )
    return found
