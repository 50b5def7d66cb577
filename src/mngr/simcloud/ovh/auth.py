"""Letting callers in: signatures as python-ovh makes them, and OAuth2 bearer tokens."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import threading
import time
from urllib.parse import parse_qs

from mngr.simcloud.call import ApiError, is_number
from mngr.simcloud.clock import Clock
from mngr.simcloud.http import Request, Response
from mngr.simcloud.ovh.credentials import Credential, Credentials

WINDOW_S = 60
"""How far a signature's timestamp may be off."""

TOKEN_PATH = "/auth/oauth2/token"


class Auth:
    def __init__(self, credentials: Credentials, clock: Clock) -> None:
        self._credentials = credentials
        self._clock = clock
        self._lock = threading.Lock()
        self._told = {0.0}

    def time(self) -> int:
        """`GET /auth/time`.

        How far it was ahead is kept: a client asks once, and signs by that for as long as it lives, whether
        or not a test has moved the clock since.
        """
        with self._lock:
            self._told.add(self._clock.ahead())
        return int(self._clock.now())

    def caller(self, request: Request, *, needed: bool) -> Credential | None:
        """Who signed this call; None only if nobody did, and nobody needs to. Raises ApiError."""
        headers = request.headers
        kind, _, token = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            credential = self._credentials.by_token(token.strip())
            if credential is None or credential.status != "validated":
                raise ApiError(401, "This token is invalid or has expired")
        elif "x-ovh-signature" in headers or "x-ovh-consumer" in headers:
            credential = self._signed(request)
        elif needed:
            raise ApiError(403, "You must login first", code="NOT_CREDENTIAL")
        else:
            return None
        credential.last_use = self._clock.now()
        return credential

    def _signed(self, request: Request) -> Credential:
        application = request.headers.get("x-ovh-application", "")
        consumer = request.headers.get("x-ovh-consumer", "")
        if self._credentials.by_name(application) is None:
            raise ApiError(403, "This application key is invalid", code="INVALID_KEY")
        credential = self._credentials.by_keys(application, consumer)
        if credential is None:
            raise ApiError(403, "This credential does not exist", code="NOT_CREDENTIAL")
        if credential.status != "validated":
            raise ApiError(403, "This credential is not valid", code="INVALID_CREDENTIAL")
        timestamp = request.headers.get("x-ovh-timestamp", "")
        if not is_number(timestamp) or not self._in_time(int(timestamp)):
            raise ApiError(400, "Query out of time", code="QUERY_TIME_OUT")
        given = request.headers.get("x-ovh-signature", "").encode()
        wanted = [signature(credential, request, timestamp, host).encode() for host in _hosts(request)]
        if not any(hmac.compare_digest(one, given) for one in wanted):
            raise ApiError(400, "Invalid signature", code="INVALID_SIGNATURE")
        return credential

    def _in_time(self, timestamp: int) -> bool:
        with self._lock:
            offsets = {*self._told, self._clock.ahead()}
        return any(abs(timestamp - time.time() - ahead) <= WINDOW_S for ahead in offsets)

    def grant_token(self, request: Request) -> Response:
        """`POST /auth/oauth2/token`: client credentials by HTTP Basic or in the form (RFC 6749, 4.4)."""
        form = {name: values[0] for name, values in parse_qs(request.body.decode(errors="replace")).items()}
        if form.get("grant_type") != "client_credentials":
            return Response(400, {"error": "unsupported_grant_type"})
        name, secret = _basic(request) or (form.get("client_id", ""), form.get("client_secret", ""))
        credential = self._credentials.by_name(name)
        if (
            credential is None
            or credential.kind != "oauth2"
            or credential.status != "validated"
            or not hmac.compare_digest(credential.secret.encode(), secret.encode())
        ):
            return Response(401, {"error": "invalid_client", "error_description": "Unknown client"})
        return Response(200, self._credentials.token(credential))


def _hosts(request: Request) -> list[str]:
    """As the URL has it: clients leave 443 out of this header, and may yet have it in what they sign; and those that know no
    other port (Node's) sign without any."""
    host = request.headers.get("host", "")
    if request.scheme != "https":
        return [host]
    name, colon, port = host.rpartition(":")
    return [host, name] if colon and port.isdigit() else [host, f"{host}:443"]


def signature(credential: Credential, request: Request, timestamp: str, host: str) -> str:
    """`$1$` and the SHA-1 of secret, consumer key, method, URL as sent, body and timestamp, joined by `+` [sdk]."""
    url = f"{request.scheme}://{host}{request.target}"
    parts = [credential.secret, credential.consumer_key, request.method, url]
    digest = hashlib.sha1("+".join(parts).encode() + b"+" + request.body + f"+{timestamp}".encode())
    return "$1$" + digest.hexdigest()


def _basic(request: Request) -> tuple[str, str] | None:
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        name, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return name, secret
