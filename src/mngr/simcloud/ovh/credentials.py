"""Who may call: signing keys (AK, AS, CK) and OAuth2 service accounts, each with its rights."""

from __future__ import annotations

import re
import secrets
import threading
import time
from dataclasses import dataclass, field
from typing import Any

TOKEN_S = 3599
METHODS = ("GET", "POST", "PUT", "DELETE")
EVERYTHING = tuple((method, "/*") for method in METHODS)

Rule = tuple[str, str]
"""A method and a path with `*` for any text, as access rules have it."""


@dataclass
class Credential:
    """`kind` is keys (`name` is the application key) or oauth2 (`name` is the client id)."""

    id: int
    kind: str
    name: str
    secret: str
    consumer_key: str
    created: float
    allowed: tuple[Rule, ...] = EVERYTHING
    denied: tuple[Rule, ...] = ()
    status: str = "validated"
    """`auth.CredentialStateEnum`."""
    validation: str = ""
    """What a person shows to validate it, if it was asked for."""
    last_use: float | None = None

    def may(self, method: str, path: str) -> bool:
        """`path` is without the `/1.0`; those of v2 keep their `/v2`."""
        return _any(self.allowed, method, path) and not _any(self.denied, method, path)

    def env(self) -> dict[str, str]:
        """As python-ovh and mngr read it."""
        if self.kind == "oauth2":
            return {
                "OVH_CLIENT_ID": self.name,
                "OVH_CLIENT_SECRET": self.secret,
                "OAUTHLIB_INSECURE_TRANSPORT": "1",
            }
        return {
            "OVH_APPLICATION_KEY": self.name,
            "OVH_APPLICATION_SECRET": self.secret,
            "OVH_CONSUMER_KEY": self.consumer_key,
        }


@dataclass
class Credentials:
    """All that were made. Tokens go by real time: a client's own clock doesn't move with the cloud's."""

    token_s: int = TOKEN_S
    _made: list[Credential] = field(default_factory=list)
    _tokens: dict[str, tuple[Credential, float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def make(
        self, kind: str, now: float, allowed: tuple[Rule, ...] = EVERYTHING, denied: tuple[Rule, ...] = ()
    ) -> Credential:
        with self._lock:
            id = 1000 + len(self._made)
            if kind == "oauth2":
                name, secret, consumer = f"sim.{secrets.token_hex(8)}", secrets.token_hex(16), ""
            else:
                name, secret, consumer = (secrets.token_hex(n) for n in (8, 16, 16))
            credential = Credential(id, kind, name, secret, consumer, now, allowed, denied)
            self._made.append(credential)
        return credential

    def request(self, application: Credential, now: float, allowed: tuple[Rule, ...]) -> Credential:
        """Another consumer key of that application, which is good for nothing until a person validates it."""
        asked = self.make("keys", now, allowed)
        asked.name, asked.secret = application.name, application.secret
        asked.status, asked.validation = "pendingValidation", secrets.token_urlsafe(32)
        return asked

    def all(self) -> list[Credential]:
        with self._lock:
            return list(self._made)

    def by_name(self, name: str) -> Credential | None:
        return next((one for one in self.all() if one.name == name), None)

    def by_keys(self, application: str, consumer: str) -> Credential | None:
        return next(
            (one for one in self.all() if (one.name, one.consumer_key) == (application, consumer)), None
        )

    def token(self, credential: Credential) -> dict[str, Any]:
        """A fresh bearer token, as the token endpoint answers it (RFC 6749, 5.1)."""
        token = secrets.token_urlsafe(32)
        with self._lock:
            self._tokens[token] = credential, time.monotonic() + self.token_s
        return {"access_token": token, "token_type": "Bearer", "expires_in": self.token_s, "scope": "all"}

    def by_token(self, token: str) -> Credential | None:
        with self._lock:
            credential, ends = self._tokens.get(token, (None, 0.0))
        return credential if time.monotonic() < ends else None


def parse_rules(given: Any) -> tuple[Rule, ...]:
    """Rules as `["POST /vps/*/rebuild", …]`. Raises ValueError."""
    if not isinstance(given, list) or not all(isinstance(item, str) for item in given):
        raise ValueError('credentials: rules are a list such as ["POST /vps/*/rebuild"]')
    rules = []
    for item in given:
        method, _, path = item.partition(" ")
        if method not in METHODS or not path.startswith("/"):
            raise ValueError(f"credentials: {item!r} is no rule such as 'POST /vps/*/rebuild'")
        rules.append((method, path))
    return tuple(rules)


def _any(rules: tuple[Rule, ...], method: str, path: str) -> bool:
    return any(method == rule and _fits(pattern, path) for rule, pattern in rules)


def _fits(pattern: str, path: str) -> bool:
    return re.fullmatch(".*".join(re.escape(part) for part in pattern.split("*")), path) is not None
