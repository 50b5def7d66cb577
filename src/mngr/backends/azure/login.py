"""Whose subscription is used, and with which token.

Azure's SDK finds the login (`DefaultAzureCredential`: service principal, managed identity, `az login`). To import and ask
it takes most of a second, so a token is kept until shortly before it ends, in a file that only its owner reads.
https://learn.microsoft.com/python/api/azure-identity/azure.identity.defaultazurecredential
"""

import contextlib
import hashlib
import os
import re
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from mngr.model.clock import SYSTEM, Clock, left
from mngr.model.errors import InvalidInput, NotSupported
from mngr.model.waiting import looks
from mngr.vps_docker.errors import VpsApiUnreadable

#: A token with less than this left isn't used any more.
LEAST_LIFE_S = 300
#: So long the SDK may look for a login: it asks the Azure CLI (10 s), and an address that may not answer.
LOGIN_LIMIT_S = 60.0

#: States of a subscription in which things can be made and changed.
USABLE = ("Enabled", "Warned", "PastDue")

#: What tokens are asked for, and what a machine calls to deallocate itself.
AUDIENCE = "https://management.azure.com"
#: Azure for China, for the government of the US, and (closed) for Germany.
_OTHER_CLOUDS = (
    ".chinacloudapi.cn", ".partner.microsoftonline.cn", ".usgovcloudapi.net", ".microsoftonline.us",
    ".microsoftazure.de", ".microsoftonline.de",
)  # fmt: skip

_LOG_IN = "`az login`; or set AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET"
_ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A token on disk. `login`: what it was got with, as a digest."""

    login: str
    token: str
    ends_at: float


class Login:
    """Tokens of one provider instance. Threads may share it; it is shown nowhere."""

    def __init__(
        self, folder: Path, scope: str, clock: Clock = SYSTEM, environ: Mapping[str, str] = os.environ
    ) -> None:
        """`folder`: where the token is kept. `scope`: of the API that it is for, `https://…/.default`."""
        self._path = folder / "token.json"
        self._scope = scope
        self._clock = clock
        self._environ = environ
        self._lock = threading.Lock()
        self._token: _Kept | None = None

    def token(self) -> str:
        """A token that lives for some minutes yet. Raises VpsApiUnreadable if there is no login, saying how to log in."""
        with self._lock:
            for kept in (self._token, self._read()):
                if kept is not None and kept.ends_at - self._clock.now() > LEAST_LIFE_S:
                    self._token = kept
                    return kept.token
            self._token = _Kept(**self._asked())
            self._keep(self._token)
            return self._token.token

    def drop(self) -> None:
        """Forgets the token: Azure refused it."""
        with self._lock:
            self._token = None
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)

    def _read(self) -> _Kept | None:
        try:
            kept = msgspec.json.decode(self._path.read_bytes(), type=_Kept)
        except (OSError, ValueError):
            return None
        return kept if kept.login == self._who() else None

    def _keep(self, kept: _Kept) -> None:
        """A disk that can't be written costs time at the next command, nothing else."""
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            part = self._path.with_name(f".token.{os.urandom(4).hex()}")
            with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(msgspec.json.encode(kept))
            os.replace(part, self._path)

    def _who(self) -> str:
        """What decides whose token it is: the variables of the SDK, and the CLI's login."""
        facts = [self._scope]
        facts += sorted(
            f"{name}={value}" for name, value in self._environ.items() if name.startswith("AZURE_")
        )
        with contextlib.suppress(OSError):
            there = os.stat(profile_path(self._environ))
            facts.append(f"{there.st_mtime_ns} {there.st_size}")
        return hashlib.sha256("\0".join(facts).encode()).hexdigest()

    def _asked(self) -> dict[str, Any]:
        """A new token. The SDK waits without a limit for some of its sources, so it is waited for in a thread."""
        found: list[Any] = []
        thread = threading.Thread(target=lambda: found.append(_ask_sdk(self._scope)), daemon=True)
        require_sdk()
        who = self._who()
        thread.start()
        limit = left(LOGIN_LIMIT_S)
        for _ in looks(self._clock, limit):
            thread.join(0.05)
            if not thread.is_alive():
                break
        if not found:
            raise VpsApiUnreadable(
                f"Azure's SDK found no login within {limit:g} s", hint=f"{_LOG_IN}; AZURE_TOKEN_CREDENTIALS names the one to use"
            )  # fmt: skip
        if isinstance(found[0], Exception):
            raise _no_login(found[0])
        return {"login": who, "token": found[0].token, "ends_at": float(found[0].expires_on)}


def check_public(api_url: str, where: str, environ: Mapping[str, str] = os.environ) -> None:
    """Raises InvalidInput for Azure's other clouds, whose tokens are for other addresses, also in their machines. `where`: the
    settings that `api_url` is of."""
    authority = environ.get("AZURE_AUTHORITY_HOST", "").lower()
    for source, text in ((f"{where} api_url", api_url.lower()), ("AZURE_AUTHORITY_HOST", authority)):
        try:
            host = urlsplit(text if "//" in text else f"//{text}").hostname or ""
        except ValueError as error:
            raise InvalidInput(
                f"{source} {text!r} is no address: {error}", hint="mend it, or leave it out"
            ) from None
        if host.endswith(_OTHER_CLOUDS):
            raise InvalidInput(
                f"{source}: {host} isn't of Azure's public cloud, and mngr can't use Azure's others",
                hint=f"leave {source} out, with a login for the public cloud",
            )


def require_sdk() -> None:
    """Raises NotSupported if it isn't installed."""
    from importlib.util import find_spec

    try:
        there = find_spec("azure.identity")
    except ModuleNotFoundError:
        there = None
    if not there:
        raise NotSupported("Azure's SDK isn't installed", hint="pip install 'mngr[azure]'")


def _ask_sdk(scope: str) -> Any:
    import logging

    # It logs its failures with long texts to standard error, although they are raised, too.
    logging.getLogger("azure").setLevel(logging.CRITICAL)
    try:
        from azure.identity import DefaultAzureCredential

        # Else the SDK asks the public cloud whether there is such an authority.
        own = bool(os.environ.get("AZURE_AUTHORITY_HOST"))
        with DefaultAzureCredential(disable_instance_discovery=own) as credential:
            return credential.get_token(scope)
    except Exception as error:
        return error


def _no_login(error: Exception) -> VpsApiUnreadable:
    """The SDK's words have a paragraph for each source that it tried, and may quote what the Azure CLI printed."""
    text = re.sub(r'("?access_?token"?\s*:\s*)"[^"]*"', r'\1"…"', str(error), flags=re.IGNORECASE)
    old = re.search(r"AADSTS(50173|50078|700082|70043|700084)|expired", text, flags=re.IGNORECASE)
    refused = re.search(r"AADSTS\d+: [^.\n]*", text)
    message = "no login for Azure works here"
    if old:
        message = "the Azure login has expired"
    elif refused:
        message = f"Azure refuses the login: {refused[0]}"
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    # A login that was refused says more than the sources that have none.
    told = [line for line in lines if re.search(r"AADSTS\d|expired", line, flags=re.IGNORECASE)]
    rest = [line for line in lines if not line.startswith(_SAYS_NOTHING)]
    return VpsApiUnreadable(message, hint=_LOG_IN, details="\n".join(told or rest)[:4000])


_SAYS_NOTHING = ("DefaultAzureCredential failed", "Attempted credentials", "Visit https:", "To mitigate")


def profile_path(environ: Mapping[str, str] = os.environ) -> str:
    """The Azure CLI's list of subscriptions."""
    folder = environ.get("AZURE_CONFIG_DIR") or os.path.join(environ.get("HOME", ""), ".azure")
    return os.path.join(folder, "azureProfile.json")


def subscription(
    configured: str, where: str, environ: Mapping[str, str] = os.environ, clock: Clock = SYSTEM
) -> str:
    """The subscription's id: as configured, else AZURE_SUBSCRIPTION_ID, else the Azure CLI's active one. Reads no network.

    Raises InvalidInput if there is none, or it is no id.
    """
    sources = (
        (configured, f"{where} subscription_id"),
        (environ.get("AZURE_SUBSCRIPTION_ID", ""), "AZURE_SUBSCRIPTION_ID"),
    )
    for text, source in sources:
        if found := text.strip():
            if not _ID.fullmatch(found):
                raise InvalidInput(
                    f"{source}: {found!r} isn't a subscription's id",
                    hint="`az account list -o table` shows them",
                )
            return found.lower()
    rows = _profile(profile_path(environ), clock)
    choose = f"`az account set --subscription ID`, AZURE_SUBSCRIPTION_ID, or subscription_id in {where}"
    if rows is None:
        raise InvalidInput(
            f"{where}: which subscription of Azure to use isn't known", hint=f"{_LOG_IN}, with {choose}"
        )
    active = [row for row in rows if row.get("isDefault")]
    if not active:
        raise InvalidInput(f"{where}: the Azure CLI has no active subscription", hint=choose)
    row = active[0]
    found = str(row.get("id", ""))
    if not _ID.fullmatch(found) or found == row.get(
        "tenantId"
    ):  # so the CLI notes a login without a subscription
        raise InvalidInput(
            f"{where}: the Azure CLI's login has no subscription",
            hint=f"make one in the Azure portal; or {choose}",
        )
    if row.get("state") not in (None, *USABLE):
        raise InvalidInput(
            f"{where}: the subscription {row.get('name') or found} is {str(row['state']).lower()}",
            hint=f"enable it in the Azure portal; or {choose}",
        )
    return found.lower()


def _profile(path: str, clock: Clock) -> list[dict[str, Any]] | None:
    """The subscriptions in the CLI's file, which it writes in place, so that a reader may meet half of one; None if there is
    no such file, or it stays unreadable."""
    import json

    for _ in looks(clock, 1.0, most=0.3):
        try:
            with open(path, encoding="utf-8-sig") as file:
                rows = json.load(file)["subscriptions"]
            return [row for row in rows if isinstance(row, dict)]
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return None
