"""Entra's token endpoint: OpenID configuration, instance discovery, client credentials; and the cloud's description of itself.
Its errors are not ARM's.

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
"""

from __future__ import annotations

import hmac
import re
import uuid
from typing import Any
from urllib.parse import parse_qs

from mngr.simcloud.azure.principals import AUDIENCES
from mngr.simcloud.azure.state import State
from mngr.simcloud.clock import iso
from mngr.simcloud.http import Request, Response

ANSWERED = re.compile(
    r"/metadata/endpoints|/[^/]+/discovery(/v2\.0)?/keys|/common/discovery/instance|/[^/]+(/v2\.0)?/\.well-known/openid-configuration|/[^/]+/oauth2(/v2\.0)?/token",
    re.IGNORECASE,
)
"""The paths that are Entra's."""


class Refused(Exception):
    """(status, OAuth error, AADSTS code, message)."""


def answer(state: State, request: Request) -> Response:
    here = f"{request.scheme}://{request.headers.get('host', 'localhost')}"
    tenant = request.path.split("/")[1]
    try:
        if request.path.lower().startswith("/common/discovery"):
            return Response(200, _instances(here, state.principals.tenant))
        if request.path.lower() == "/metadata/endpoints":
            found = _endpoints(here)
            return Response(200, found if (request.first("api-version") or "") >= "2022" else [found])
        _known(state, tenant)
        if request.path.endswith("/keys"):
            return Response(200, {"keys": []})
        if request.path.endswith("openid-configuration"):
            return Response(200, _configuration(here, tenant))
        if request.method != "POST":
            raise Refused(
                400,
                "invalid_request",
                900561,
                f"The endpoint only accepts POST requests. Received a {request.method} request.",
            )
        return Response(200, _token(state, here, request))
    except Refused as refused:
        return _refusal(state, *refused.args)


def _known(state: State, tenant: str) -> None:
    if tenant.lower() != state.principals.tenant:
        raise Refused(
            400,
            "invalid_tenant" if "-" not in tenant else "invalid_request",
            90002,
            f"Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct "
            "cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the "
            "tenant.",
        )


def _token(state: State, here: str, request: Request) -> dict[str, Any]:
    form = {name: values[0] for name, values in parse_qs(request.body.decode(errors="replace")).items()}
    if form.get("grant_type") != "client_credentials":
        raise Refused(400, "unsupported_grant_type", 70003, "The app requested an unsupported grant type.")
    app = form.get("client_id", "")
    principal = state.principals.by_app(app)
    if principal is None or principal.vm:
        message = f"Application with identifier '{app}' was not found in the directory 'Simulated'."
        raise Refused(400, "unauthorized_client", 700016, message)
    if not hmac.compare_digest(principal.secret.encode(), form.get("client_secret", "").encode()):
        message = f"Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '{app}'."
        raise Refused(401, "invalid_client", 7000215, message)
    scope = form.get("scope") or f"{form.get('resource', '')}/.default"
    audience = scope.removesuffix("/.default").rstrip("/")
    if not scope.endswith("/.default"):
        raise Refused(
            400,
            "invalid_scope",
            1002012,
            f"The provided value for scope {scope} is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI).",
        )
    if audience not in AUDIENCES:
        raise Refused(
            400,
            "invalid_resource",
            500011,
            f"The resource principal named {audience} was not found in the tenant named Simulated.",
        )
    found = state.principals.token(
        principal, f"{here}/{state.principals.tenant}/", audience, state.behaviour.token_life - 1
    )
    found.pop("expires_on")
    return {**found, "ext_expires_in": found["expires_in"]}


def _refusal(state: State, status: int, error: str, code: int, message: str) -> Response:
    trace, correlation, now = (
        str(uuid.uuid4()),
        str(uuid.uuid4()),
        iso(state.now())[:19].replace("T", " ") + "Z",
    )
    said = f"AADSTS{code}: {message} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {now}"
    body = {
        "error": error,
        "error_description": said,
        "error_codes": [code],
        "timestamp": now,
        "trace_id": trace,
        "correlation_id": correlation,
    }
    return Response(status, body)


def _configuration(here: str, tenant: str) -> dict[str, Any]:
    mine = f"{here}/{tenant}"
    return {
        "token_endpoint": f"{mine}/oauth2/v2.0/token",
        "token_endpoint_auth_methods_supported": [
            "client_secret_post",
            "private_key_jwt",
            "client_secret_basic",
        ],
        "jwks_uri": f"{mine}/discovery/v2.0/keys",
        "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "issuer": f"{mine}/v2.0",
        "authorization_endpoint": f"{mine}/oauth2/v2.0/authorize",
        "device_authorization_endpoint": f"{mine}/oauth2/v2.0/devicecode",
        "end_session_endpoint": f"{mine}/oauth2/v2.0/logout",
        "tenant_region_scope": "EU",
        "cloud_instance_name": "microsoftonline.com",
    }


def _instances(here: str, tenant: str) -> dict[str, Any]:
    host = here.partition("://")[2]
    names = {"preferred_network": host, "preferred_cache": host, "aliases": [host]}
    return {
        "tenant_discovery_endpoint": f"{here}/{tenant}/v2.0/.well-known/openid-configuration",
        "api-version": "1.1",
        "metadata": [names],
    }


def _endpoints(here: str) -> dict[str, Any]:
    """The cloud's own description, by which clients of any make find their way (terraform's `metadata_host`, `az cloud register`)."""
    return {
        "name": "AzureCloud",
        "portal": here,
        "authentication": {
            "loginEndpoint": here,
            "audiences": list(AUDIENCES),
            "tenant": "common",
            "identityProvider": "AAD",
        },
        "resourceManager": here,
        "media": here,
        "graph": here,
        "graphAudience": here,
        "microsoftGraphResourceId": here,
        "batch": "https://batch.core.windows.net/",
        "gallery": here,
        "suffixes": {
            "storage": "core.windows.net",
            "keyVaultDns": "vault.azure.net",
            "acrLoginServer": "azurecr.io",
        },
    }
