"""The simulated Azure as a whole: who may come in, who may do what, and what every answer has."""

from __future__ import annotations

import datetime
import re
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from mngr.simcloud.azure import control, entra, machine, prices, rights, vm_create
from mngr.simcloud.azure.call import Call
from mngr.simcloud.azure.ids import parse, right
from mngr.simcloud.azure.principals import Principal
from mngr.simcloud.azure.routes import ROUTES, Operation
from mngr.simcloud.azure.state import State
from mngr.simcloud.azure.throttle import SIZES, kind
from mngr.simcloud.azure.words import WORDS, error, refuse
from mngr.simcloud.call import ApiError, read_object
from mngr.simcloud.http import Request, Response
from mngr.simcloud.vendor import WITH_BODY, Vendor

VERSION = re.compile(r"20\d\d-\d\d-\d\d(-preview)?")
READS = {"GET", "HEAD"}
ANYBODYS = {
    "microsoft.resources/subscriptions/read",
    "microsoft.resources/tenants/read",
    "microsoft.resourcegraph/resources/action",
}
"""What needs no right: the answer has only what the caller may read."""


class Azure(Vendor[State, Operation]):
    prefix = ""
    words = WORDS

    def __init__(self, state: State, principal: Principal) -> None:
        super().__init__(state, ROUTES, ignore_case=True)
        self._principal = principal

    # --- who may come in ---

    def admit(self, request: Request) -> None:
        if self._is_open(request):
            return
        who = self._caller(request)
        wait = (
            self.state.throttle.take(who.id, request.method) if self.state.behaviour.bucket == "real" else 0
        )
        if wait:
            raise refuse(
                429,
                "SubscriptionRequestsThrottled",
                f"Number of '{kind(request.method)}' requests for subscription '{self.state.subscription}' and principal '{who.id}' "
                f"exceeded the limit. Please try again after '{wait}' seconds.",
                headers={"Retry-After": str(wait)},
            )

    def _is_open(self, request: Request) -> bool:
        return bool(entra.ANSWERED.fullmatch(request.path)) or request.path == prices.PATH

    def _caller(self, request: Request) -> Principal:
        """Raises ApiError 401."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        where = f'Bearer authorization_uri="{request.scheme}://{request.headers.get("host", "localhost")}/{self.state.principals.tenant}"'
        if scheme.lower() != "bearer" or not token:
            raise refuse(
                401,
                "AuthenticationFailed",
                "Authentication failed. The 'Authorization' header is missing.",
                headers={"WWW-Authenticate": where},
            )
        found = self.state.principals.caller(token.strip())
        challenge = {
            "WWW-Authenticate": f'{where}, error="invalid_token", error_description="The access token is invalid or has expired."'
        }
        if found is None:
            raise refuse(401, "InvalidAuthenticationToken", "The access token is invalid.", headers=challenge)
        if not found[1]:
            raise refuse(
                401,
                "ExpiredAuthenticationToken",
                "The access token expiry UTC time is earlier than current UTC time.",
                headers=challenge,
            )
        return found[0]

    # --- answers ---

    def answer(self, request: Request) -> Response:
        if request.path == prices.PATH:
            return prices.answer(request)
        if self._is_open(request):
            return entra.answer(self.state, request)
        # Azure reads the names of parameters in any case; its handlers here read this one's own.
        for name in [one for one in request.query if one.lower() == "api-version"]:
            request.query["api-version"] = request.query.pop(name)
        version = request.first("api-version")
        if not version:
            raise refuse(
                400,
                "MissingApiVersionParameter",
                "The api-version query parameter (?api-version=) is required for all requests.",
            )
        if not _is_version(version):
            raise refuse(
                400,
                "InvalidApiVersionParameter",
                f"The api-version '{version}' is invalid. The supported versions are '2026-04-01,2025-04-01,2024-07-01,2022-09-01'.",
            )
        return super().answer(request)

    def call(self, request: Request, route: Operation, parts: Mapping[str, str]) -> Call:
        """Raises ApiError 404 for another subscription, 403 without the right."""
        _check_media(request)
        body = read_object(request, self.words) if request.method in WITH_BODY else {}
        call = Call(request, parts, body, self.words, self._caller(request))
        given = call.id.subscription or parse("/" + parts.get("scope", "").lstrip("/")).subscription
        if given and given.lower() != self.state.subscription:
            raise refuse(404, "SubscriptionNotFound", f"The subscription '{given}' could not be found.")
        action, scope = right(request.method, call.path)
        if action.lower() not in ANYBODYS:
            rights.require(self.state, call.who, action, scope)
        if self.state.behaviour.subscription_state == "Disabled" and request.method not in READS:
            raise refuse(
                409,
                "ReadOnlyDisabledSubscription",
                f"The subscription '{self.state.subscription}' is disabled and therefore marked as read only. You cannot perform any write actions on this subscription until it is re-enabled.",
            )
        return call

    def error(self, problem: ApiError) -> Response:
        return error(problem)

    def no_capacity(self) -> ApiError:
        return vm_create.no_capacity("this one", "this location")

    def handle(self, request: Request) -> Response:
        return self._signed(request, super().handle(request))

    def turn_away(self, request: Request) -> Response | None:
        refused = super().turn_away(request)
        return self._signed(request, refused) if refused else None

    def finished(self, response: Response) -> Response:
        id = str(uuid.uuid4())
        for name in ("x-ms-request-id", "x-ms-correlation-request-id"):
            response.headers.setdefault(name, id)
        response.headers.setdefault("x-ms-routing-request-id", f"SIMCLOUD:20261129T000000Z:{id}")
        response.headers.setdefault("Cache-Control", "no-cache")
        return response

    def _signed(self, request: Request, response: Response) -> Response:
        """With the caller's own id for the request, and what is left of its buckets."""
        for name in ("x-ms-client-request-id", "x-ms-correlation-request-id"):
            if given := request.headers.get(name):
                response.headers[name] = given
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if found := self.state.principals.caller(token.strip()) if scheme else None:
            name = kind(request.method)
            left = (
                self.state.throttle.left(found[0].id, name)
                if self.state.behaviour.bucket == "real"
                else SIZES[name][0]
            )
            response.headers[f"x-ms-ratelimit-remaining-subscription-{name}"] = str(left)
            if "/microsoft.compute/" in request.path.lower():
                response.headers["x-ms-ratelimit-remaining-resource"] = (
                    f"Microsoft.Compute/{name.capitalize()}3Min;{left}"
                )
        return response

    # --- what is behind it ---

    def power_changed(self, id: str, running: bool) -> None:
        with self.state.core.lock:
            machine.power_changed(self.state, id, running)

    def env(self, url: str) -> dict[str, str]:
        return {
            **self._principal.env(self.state.principals.tenant),
            "AZURE_SUBSCRIPTION_ID": self.state.subscription,
            "AZURE_AUTHORITY_HOST": url,
            "MNGR__PROVIDERS__AZURE__API_URL": url,
            "MNGR__PROVIDERS__AZURE__PRICES_URL": url,
        }

    def control_routes(self) -> dict[tuple[str, str], Callable[[Request], Any]]:
        return control.routes(self.state)

    def resources(self) -> list[dict[str, Any]]:
        return control.resources(self.state)


def _is_version(text: str) -> bool:
    """Versions are days."""
    try:
        return bool(VERSION.fullmatch(text) and datetime.date.fromisoformat(text[:10]))
    except ValueError:
        return False


def _check_media(request: Request) -> None:
    """Raises ApiError for a body that isn't said to be JSON."""
    media = request.headers.get("content-type", "").partition(";")[0].strip()
    if (
        request.method in WITH_BODY
        and request.body
        and media.lower() not in ("application/json", "text/json")
    ):
        raise refuse(
            415,
            "UnsupportedMediaType",
            f"The content media type '{media or '<null>'}' is not supported. Only 'application/json' is supported.",
        )
