"""The routes of Vultr API v2, and who may call them."""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable
from typing import Any

from mngr.simcloud.clock import iso
from mngr.simcloud.http import Request, Response
from mngr.simcloud.vultr import create, instances, lists, snapshots, ssh_keys
from mngr.simcloud.vultr.body import read
from mngr.simcloud.vultr.errors import ApiError, error
from mngr.simcloud.vultr.state import State
from mngr.simcloud.vultr.throttle import Throttle

Route = Callable[[State, Request, str], Response]

ROUTES: dict[tuple[str, str], Route] = {
    ("GET", "/account"): lambda state, request, id: lists.account(state),
    ("GET", "/plans"): lambda state, request, id: lists.plans(request),
    ("GET", "/regions"): lambda state, request, id: lists.regions(request),
    ("GET", "/os"): lambda state, request, id: lists.systems(request),
    ("GET", "/instances"): lambda state, request, id: instances.list_instances(state, request),
    ("POST", "/instances"): lambda state, request, id: create.create(state, request, read(request)),
    ("POST", "/instances/halt"): lambda state, request, id: instances.halt_several(state, read(request)),
    ("POST", "/instances/start"): lambda state, request, id: instances.start_several(state, read(request)),
    ("GET", "/instances/{id}"): instances.get,
    ("PATCH", "/instances/{id}"): lambda state, request, id: instances.update(state, read(request), id),
    ("DELETE", "/instances/{id}"): lambda state, request, id: instances.delete(state, id),
    ("POST", "/instances/{id}/halt"): lambda state, request, id: instances.halt(state, id),
    ("POST", "/instances/{id}/start"): lambda state, request, id: instances.start(state, id),
    ("POST", "/instances/{id}/reboot"): lambda state, request, id: instances.reboot(state, id),
    ("POST", "/instances/{id}/reinstall"): lambda state, request, id: instances.reinstall(
        state, read(request), id
    ),
    ("POST", "/instances/{id}/restore"): lambda state, request, id: instances.restore(
        state, read(request), id
    ),
    ("GET", "/instances/{id}/user-data"): lambda state, request, id: instances.user_data(state, id),
    ("GET", "/ssh-keys"): lambda state, request, id: ssh_keys.list_keys(state, request),
    ("POST", "/ssh-keys"): lambda state, request, id: ssh_keys.create(state, request, read(request)),
    ("GET", "/ssh-keys/{id}"): ssh_keys.get,
    ("PATCH", "/ssh-keys/{id}"): lambda state, request, id: ssh_keys.update(state, read(request), id),
    ("DELETE", "/ssh-keys/{id}"): lambda state, request, id: ssh_keys.delete(state, id),
    ("GET", "/snapshots"): lambda state, request, id: snapshots.list_snapshots(state, request),
    ("POST", "/snapshots"): lambda state, request, id: snapshots.create(state, read(request)),
    ("GET", "/snapshots/{id}"): snapshots.get,
    ("PUT", "/snapshots/{id}"): lambda state, request, id: snapshots.update(state, read(request), id),
    ("DELETE", "/snapshots/{id}"): lambda state, request, id: snapshots.delete(state, id),
}

OPEN = frozenset({"/v2/plans", "/v2/regions", "/v2/os"})
"""Paths that need no key (contract: `security: []`)."""


class Vultr:
    """A `cloud.Vendor`."""

    prefix = "/v2"

    def __init__(self, state: State, throttle: Throttle) -> None:
        self.state = state
        self._throttle = throttle
        self._routes = [
            (method, re.compile(path.replace("{id}", "(?P<id>[^/]+)")), route)
            for (method, path), route in ROUTES.items()
        ]

    def turn_away(self, request: Request) -> Response | None:
        if self._throttle.over(request.source):
            response = error(429, "Rate limit reached, please try again later.")
            return Response(429, response.body, {"Retry-After": "1"})
        if request.path in OPEN:
            return None
        kind, _, key = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not hmac.compare_digest(
            key.strip().encode(), self.state.api_key.encode()
        ):
            return error(401, "Invalid API token.")
        return None

    def handle(self, request: Request) -> Response:
        path = request.path.removeprefix(self.prefix).rstrip("/")
        if not request.path.startswith(self.prefix):
            return error(404, "Not found.")
        methods = []
        for method, pattern, route in self._routes:
            if found := pattern.fullmatch(path):
                if method == request.method:
                    return self._call(route, request, found.groupdict().get("id") or "")
                methods.append(method)
        return error(405, "Method not allowed.") if methods else error(404, "Not found.")

    def _call(self, route: Route, request: Request, id: str) -> Response:
        try:
            return route(self.state, request, id)
        except ApiError as problem:
            return problem.response()

    def error(self, status: int, message: str) -> Response:
        return error(status, message)

    def no_capacity(self) -> Response:
        return error(400, "Plan is not available in the selected region.")

    def resources(self) -> list[dict[str, Any]]:
        state = self.state
        found: list[dict[str, Any]] = [
            {
                "kind": "instance",
                "id": one.id,
                "name": one.label,
                "tags": list(one.tags),
                "state": f"{one.status}/{one.power_status}/{one.server_status}",
                "region": one.region,
                "plan": one.plan,
                "address": one.main_ip,
                "created": iso(one.created),
            }
            for one in state.instances.list()
        ]
        found += [
            {
                "kind": "snapshot",
                "id": one.id,
                "name": one.description,
                "tags": [],
                "state": one.status,
                "size": one.size,
                "created": iso(one.created),
            }
            for one in state.snapshots.list()
        ]
        found += [
            {
                "kind": "ssh_key",
                "id": one.id,
                "name": one.name,
                "tags": [],
                "state": "active",
                "created": iso(one.created),
            }
            for one in state.ssh_keys.list()
        ]
        return found

    def control_routes(self) -> dict[tuple[str, str], Callable[[Request], Any]]:
        return {}

    def env(self, url: str) -> dict[str, str]:
        return {"VULTR_API_KEY": self.state.api_key, "MNGR__PROVIDERS__VULTR__API_URL": url}
