"""The simulated OVH as a whole: who may come in, which operation is meant, and what there is behind it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import Any

from mngr.simcloud.call import ApiError
from mngr.simcloud.clock import iso
from mngr.simcloud.http import NULL, Request, Response
from mngr.simcloud.ovh import consumers, control, delivery, machine, tasks
from mngr.simcloud.ovh.auth import TOKEN_PATH
from mngr.simcloud.ovh.call import Call, read_body, read_query
from mngr.simcloud.ovh.checkout import no_stock
from mngr.simcloud.ovh.credentials import Credential
from mngr.simcloud.ovh.iam import written
from mngr.simcloud.ovh.records import Vps
from mngr.simcloud.ovh.routes import ROUTES, Route, bare
from mngr.simcloud.ovh.state import State
from mngr.simcloud.ovh.words import WORDS, error
from mngr.simcloud.vendor import Vendor


class Ovh(Vendor[State, Route]):
    prefix = "/1.0"
    words = WORDS

    def __init__(self, state: State, credential: Credential) -> None:
        super().__init__(state, [route for route in ROUTES if state.flavour.name in route.flavours])
        self._credential = credential
        state.calls = [(route.method, route.pattern()) for route in self.router.routes]

    def admit(self, request: Request) -> None:
        if request.path != TOKEN_PATH:
            self._caller(request)

    def error(self, problem: ApiError) -> Response:
        return error(problem)

    def no_capacity(self) -> ApiError:
        return no_stock("This plan", "this datacenter")

    def power_changed(self, id: str, running: bool) -> None:
        machine.power_changed(self.state, id, running)

    def env(self, url: str) -> dict[str, str]:
        return {
            "OVH_ENDPOINT": url,
            **self._credential.env(),
            "MNGR__PROVIDERS__OVH__ENDPOINT": url,
        }

    def control_routes(self) -> dict[tuple[str, str], Callable[[Request], Any]]:
        return control.routes(self.state)

    def bare(self, path: str) -> str:
        return bare(path)

    def answer(self, request: Request) -> Response:
        if request.path == TOKEN_PATH and request.method == "POST":
            return self.state.auth.grant_token(request)
        if request.path == consumers.VALIDATION_PATH and request.method == "GET":
            return Response(200, consumers.validate(self.state, request))
        return super().answer(request)

    def call(self, request: Request, route: Route, parts: Mapping[str, str]) -> Call:
        query, body = read_query(request, route.query), read_body(request, route.body)
        return Call(request, parts, body, WORDS, query, self._caller(request))

    def finished(self, response: Response) -> Response:
        """With the id that OVH's support asks for, and `null` where there is nothing to say: the SDK wants JSON."""
        id = f"{self.state.flavour.name.upper()}.ext-1.{secrets.token_hex(4)}.{secrets.token_hex(4)}"
        response.headers.setdefault("X-OVH-QUERYID", id)
        if response.body is None:
            return Response(response.status, NULL, response.headers)
        return response

    def resources(self) -> list[dict[str, Any]]:
        """Every VPS that is ordered, paid or not, delivered or not."""
        state = self.state
        found = [_resource(state, vps, vps.power) for vps in state.vps.list()]
        for vps in state.ordered.values():
            order = state.orders.get(str(vps.order))
            status = delivery.status(state, order) if order else "cancelled"
            if status != "cancelled":
                found.append(_resource(state, vps, status))
        return found

    def _caller(self, request: Request) -> Credential | None:
        """Who calls. Raises ApiError for one who may not."""
        path = bare(request.path)
        found = self.router.find(request.method, path)
        credential = self.state.auth.caller(request, needed=found is not None and not found[0].open)
        if found and credential and not credential.may(request.method, path):
            raise _not_granted(found[0], credential)
        return credential


def _not_granted(route: Route, credential: Credential) -> ApiError:
    """Access rules say no more than that; IAM names the action that lacks, and has no error code (OVH's guide
    "IAM troubleshooting")."""
    if credential.kind == "keys":
        return ApiError(403, "This call has not been granted", code="NOT_GRANTED_CALL")
    details = {"unauthorizedActionsByAuthentication": "", "unauthorizedActionsByIAM": route.action()}
    return ApiError(403, "User not granted for this request", details=details)


def _resource(state: State, vps: Vps, status: str) -> dict[str, Any]:
    return {
        "kind": "vps",
        "id": vps.name,
        "name": vps.display_name or vps.name,
        "tags": written(state.tags.truth(vps.name)),
        "state": status,
        "region": vps.datacenter,
        "plan": vps.plan,
        "address": vps.address,
        "created": iso(vps.ordered),
        "order": vps.order,
        "delivered": iso(vps.delivered) if vps.delivered is not None else None,
        "image": vps.image,
        "status": vps.status,
        "renews": vps.renews,
        "automatic": vps.automatic,
        "delete_at_expiration": vps.delete_at_expiration,
        "renewal_type": vps.renewal_type,
        "expiration": iso(vps.expires),
        "tasks": [task.type for task in tasks.running(state, vps.name)],
    }
