"""`POST /auth/credential`: an application asks for a consumer key, and a person validates it on a web page."""

from __future__ import annotations

from typing import Any

from mngr.simcloud.call import ApiError
from mngr.simcloud.http import Request
from mngr.simcloud.ovh.call import Call
from mngr.simcloud.ovh.credentials import METHODS, Rule
from mngr.simcloud.ovh.state import State
from mngr.simcloud.ovh.words import bad, not_found

VALIDATION_PATH = "/auth/sso/api"
"""Where the simulated person goes: with the query that `validationUrl` has, a GET logs in and says yes."""


def request(state: State, call: Call) -> dict[str, Any]:
    """Model `auth.ApiCredentialRequest`. No signature: only the application key says who asks."""
    headers = call.request.headers
    application = state.credentials.by_name(headers.get("x-ovh-application", ""))
    if application is None or application.kind != "keys":
        raise ApiError(403, "This application key is invalid", code="INVALID_KEY")
    made = state.credentials.request(application, state.now(), _rules(call.body["accessRules"]))
    return {
        "consumerKey": made.consumer_key,
        "state": made.status,
        "validationUrl": f"{call.request.scheme}://{headers.get('host', '')}{VALIDATION_PATH}?credentialToken={made.validation}",
    }


def validate(state: State, request: Request) -> dict[str, str]:
    """May be repeated. Raises 404 for a token that was never given."""
    token = request.first("credentialToken")
    made = next((one for one in state.credentials.all() if token and one.validation == token), None)
    if made is None:
        raise not_found()
    if made.status == "pendingValidation":
        made.status = "validated"
    return {"state": made.status}


def _rules(given: Any) -> tuple[Rule, ...]:
    fits = isinstance(given, list) and all(
        isinstance(one, dict) and set(one) == {"method", "path"} for one in given
    )
    if not fits or not given:
        raise bad("[accessRules] Given data is not valid for type auth.AccessRuleRequest[]")
    for rule in given:
        if rule["method"] not in METHODS:
            raise bad(
                f"[accessRules] Given data ({rule['method']}) does not belong to the HTTPMethodEnum enumeration"
            )
        if not isinstance(rule["path"], str):
            raise bad(f"[accessRules] Given data ({rule['path']}) is not valid for type string")
    return tuple((rule["method"], rule["path"]) for rule in given)
