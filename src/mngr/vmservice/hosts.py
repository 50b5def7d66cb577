"""By which names a request may ask for /mcp: a page of any site may have a browser send requests to a name that leads here."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from urllib.parse import urlsplit

from fastapi.responses import Response
from starlette.requests import Request

from mngr.vmservice import problems

_HINT = "VM_PROVISIONER_HOSTS names the hosts by which the service is asked"


def foreign(request: Request, known: Collection[str]) -> Response | None:
    """Why a request isn't answered: 421 for a Host that isn't loopback, the address that it came to, or one of `known` (host names
    in lower case); 403 for an Origin that is neither the service itself nor one of these."""
    hosts = request.headers.getlist("host")
    host = hosts[0].lower() if len(hosts) == 1 else ""
    if not _is_ours(_name(host), request, known):
        return problems.answer(421, "the service isn't asked by that Host", _HINT)
    origins = request.headers.getlist("origin")
    if origins and not (len(origins) == 1 and _is_from_us(origins[0].lower(), host, known)):
        return problems.answer(403, "pages of other origins aren't answered", _HINT)
    return None


def _is_from_us(origin: str, host: str, known: Collection[str]) -> bool:
    try:
        asked = urlsplit(origin)
    except ValueError:
        return False
    return asked.scheme in ("http", "https") and (asked.netloc == host or (asked.hostname or "") in known)


def _is_ours(name: str, request: Request, known: Collection[str]) -> bool:
    server = request.scope.get("server") or ("",)
    if name in ("localhost", str(server[0]).lower(), *known):
        return bool(name)
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _name(host: str) -> str:
    """Of `NAME:PORT` or `[ADDRESS]:PORT`."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] if host.count(":") == 1 else host
