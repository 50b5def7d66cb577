"""The operations of Vultr API v2, and who may call them."""

from __future__ import annotations

import hmac
from typing import Any

from mngr.simcloud.call import ApiError, Call
from mngr.simcloud.clock import iso
from mngr.simcloud.http import Request, Response
from mngr.simcloud.routing import Route
from mngr.simcloud.vendor import Vendor
from mngr.simcloud.vultr import create, instances, lists, machine, snapshots, ssh_keys
from mngr.simcloud.vultr.state import State
from mngr.simcloud.vultr.throttle import Throttle
from mngr.simcloud.vultr.words import WORDS, bad

Operation = Route[State, Call]
INSTANCE, KEY, SNAPSHOT = "/instances/{id}", "/ssh-keys/{id}", "/snapshots/{id}"

ROUTES: tuple[Operation, ...] = (
    Route("GET", "/account", lists.account),
    Route("GET", "/plans", lists.plans, open=True),
    Route("GET", "/regions", lists.regions, open=True),
    Route("GET", "/os", lists.systems, open=True),
    Route("GET", "/instances", instances.list_instances),
    Route("POST", "/instances", create.create, 202),
    Route("POST", "/instances/halt", instances.halt_several, 204),
    Route("POST", "/instances/start", instances.start_several, 204),
    Route("GET", INSTANCE, instances.get),
    Route("PATCH", INSTANCE, instances.update, 202),
    Route("DELETE", INSTANCE, instances.delete, 204),
    Route("POST", f"{INSTANCE}/halt", instances.halt, 204),
    Route("POST", f"{INSTANCE}/start", instances.start, 204),
    Route("POST", f"{INSTANCE}/reboot", instances.reboot, 204),
    Route("POST", f"{INSTANCE}/reinstall", instances.reinstall, 202),
    Route("POST", f"{INSTANCE}/restore", instances.restore, 202),
    Route("GET", f"{INSTANCE}/user-data", instances.get_user_data),
    Route("GET", "/ssh-keys", ssh_keys.list_keys),
    Route("POST", "/ssh-keys", ssh_keys.create, 201),
    Route("GET", KEY, ssh_keys.get),
    Route("PATCH", KEY, ssh_keys.update, 204),
    Route("DELETE", KEY, ssh_keys.delete, 204),
    Route("GET", "/snapshots", snapshots.list_snapshots),
    Route("POST", "/snapshots", snapshots.create, 201),
    Route("GET", SNAPSHOT, snapshots.get),
    Route("PUT", SNAPSHOT, snapshots.update, 204),
    Route("DELETE", SNAPSHOT, snapshots.delete, 204),
)
"""Those that are open need no key (contract: `security: []`)."""


class Vultr(Vendor[State, Operation]):
    prefix = "/v2"
    words = WORDS

    def __init__(self, state: State, throttle: Throttle) -> None:
        super().__init__(state, ROUTES)
        self._throttle = throttle

    def admit(self, request: Request) -> None:
        if self._throttle.over(request.source):
            raise ApiError(429, "Rate limit reached, please try again later.", {"Retry-After": "1"})
        found = self.router.find(request.method, self.bare(request.path))
        if found and found[0].open:
            return
        kind, _, key = request.headers.get("authorization", "").partition(" ")
        known = self.state.api_key.encode()
        if kind.lower() != "bearer" or not hmac.compare_digest(key.strip().encode(), known):
            raise ApiError(401, "Invalid API token.")

    def error(self, problem: ApiError) -> Response:
        return Response(problem.status, {"error": str(problem), "status": problem.status})

    def no_capacity(self) -> ApiError:
        return bad("Plan is not available in the selected region.")

    def power_changed(self, id: str, running: bool) -> None:
        machine.power_changed(self.state, id, running)

    def env(self, url: str) -> dict[str, str]:
        return {"VULTR_API_KEY": self.state.api_key, "MNGR__PROVIDERS__VULTR__API_URL": url}

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
