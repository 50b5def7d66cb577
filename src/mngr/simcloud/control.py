"""The control port: what a test or a demo asks of the cloud behind its API's back. See README.md."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from mngr.simcloud.clock import iso
from mngr.simcloud.cloud import Core
from mngr.simcloud.http import Request, Response
from mngr.simcloud.vendor import Vendor

SETTLE_LIMIT_S = 60.0


class Control:
    """Callable: what the control server asks for each request."""

    def __init__(self, core: Core, vendor: Vendor[Any, Any]) -> None:
        self._core = core
        self._vendor = vendor
        self._routes: dict[tuple[str, str], Callable[[Request], Any]] = {
            ("GET", "/bill"): lambda request: core.bill.report(),
            ("GET", "/resources"): lambda request: self._resources(),
            ("GET", "/calls"): lambda request: {"calls": core.calls.list(int(request.first("since") or 0))},
            ("GET", "/clock"): lambda request: self._clock(),
            ("POST", "/clock"): self._advance,
            ("GET", "/faults"): lambda request: {"faults": [asdict(fault) for fault in core.faults.list()]},
            ("POST", "/faults"): lambda request: asdict(core.faults.add(request.json())),
            ("DELETE", "/faults"): self._clear_faults,
            ("GET", "/gates"): lambda request: core.gates.report(float(request.first("wait_s") or 0)),
            ("POST", "/gates"): lambda request: {"id": core.gates.add(request.json()).id},
            ("DELETE", "/gates"): lambda request: core.gates.clear() or {},
            ("POST", "/gates/release"): self._release,
            ("POST", "/settle"): self._settle,
            **vendor.control_routes(),
        }

    def __call__(self, request: Request) -> Response:
        path = request.path.removeprefix("/control").rstrip("/")
        route = self._routes.get((request.method, path))
        if route is None:
            known = sorted({f"{method} {path}" for method, path in self._routes})
            return Response(404, {"error": f"No {request.method} {request.path} here.", "routes": known})
        try:
            self._core.catch_up()
            return Response(200, route(request))
        except (ValueError, TypeError, AttributeError) as error:
            return Response(400, {"error": str(error)})

    def _resources(self) -> dict[str, Any]:
        with self._core.lock:
            found = self._vendor.resources()
        for resource in found:
            resource["cost"] = self._core.bill.cost(resource["id"])
        return {"resources": found, "busy": self._core.jobs.pending()}

    def _clock(self) -> dict[str, Any]:
        now = self._core.clock.now()
        return {"now": iso(now), "epoch_s": now, "ahead_s": self._core.clock.ahead()}

    def _advance(self, request: Request) -> dict[str, Any]:
        self._core.clock.advance(float(request.json()["advance_s"]))
        self._core.catch_up()
        return self._clock()

    def _clear_faults(self, request: Request) -> dict[str, Any]:
        id = request.first("id")
        self._core.faults.clear(int(id) if id else None)
        return {}

    def _release(self, request: Request) -> dict[str, Any]:
        data = request.json()
        return {"released": self._core.gates.release(data.get("held"), data.get("then", "go"))}

    def _settle(self, request: Request) -> dict[str, Any]:
        """Wait until the machines have done what was asked of them."""
        limit_s = min(float(request.json().get("limit_s", 30)), SETTLE_LIMIT_S)
        return {"settled": self._core.jobs.settle(limit_s), "busy": self._core.jobs.pending()}
