"""Who calls: service principals with a secret, and the identities of machines; their tokens."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

AUDIENCES = ("https://management.azure.com", "https://management.core.windows.net")


@dataclass
class Principal:
    """`allow` and `without` are actions that it has without a role, or lacks despite one; `*` stands for any text."""

    name: str
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    """Its object id."""
    app: str = field(default_factory=lambda: str(uuid.uuid4()))
    """Its client id."""
    secret: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    made: float = 0.0
    allow: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    vm: str = ""
    """The VM whose identity it is."""

    def env(self, tenant: str) -> dict[str, str]:
        return {
            "AZURE_TENANT_ID": tenant,
            "AZURE_CLIENT_ID": self.app,
            "AZURE_CLIENT_SECRET": self.secret,
        }


class Principals:
    def __init__(self, tenant: str) -> None:
        self.tenant = tenant
        self._all: dict[str, Principal] = {}
        self._tokens: dict[str, tuple[Principal, float]] = {}

    def add(self, principal: Principal) -> Principal:
        self._all[principal.id] = principal
        return principal

    def remove(self, id: str) -> None:
        self._all.pop(id, None)

    def by_id(self, id: str) -> Principal | None:
        return self._all.get(id.lower())

    def by_app(self, app: str) -> Principal | None:
        return next((one for one in self._all.values() if one.app == app.lower()), None)

    def all(self) -> list[Principal]:
        return list(self._all.values())

    def token(self, principal: Principal, issuer: str, audience: str, seconds: int) -> dict[str, Any]:
        """A fresh one, as token endpoints answer it. It looks like a JWT, and only this cloud can tell whose it is."""
        now = int(time.time())
        claims = {
            "aud": audience,
            "iss": issuer,
            "iat": now,
            "nbf": now,
            "exp": now + seconds,
            "appid": principal.app,
            "appidacr": "2" if principal.vm else "1",
            "idtyp": "app",
            "oid": principal.id,
            "sub": principal.id,
            "tid": self.tenant,
            "uti": secrets.token_urlsafe(12),
            "ver": "1.0",
        } | ({"xms_mirid": principal.vm} if principal.vm else {})
        head = _part({"typ": "JWT", "alg": "RS256", "kid": "simcloud"})
        signed = f"{head}.{_part(claims)}"
        token = f"{signed}.{_text(hashlib.sha256(signed.encode() + secrets.token_bytes(8)).digest())}"
        self._tokens[token] = principal, now + seconds
        return {
            "token_type": "Bearer",
            "expires_in": seconds,
            "access_token": token,
            "expires_on": now + seconds,
        }

    def caller(self, token: str) -> tuple[Principal, bool] | None:
        """Whose token that is, and whether it still holds; None for one that was never given out."""
        found = self._tokens.get(token)
        if found is None or found[0].id not in self._all:
            return None
        return found[0], time.time() < found[1]

    def expire(self) -> int:
        """End every token; how many that were."""
        self._tokens = {token: (who, 0.0) for token, (who, _) in self._tokens.items()}
        return len(self._tokens)


def _part(claims: dict[str, Any]) -> str:
    return _text(json.dumps(claims, separators=(",", ":")).encode())


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
