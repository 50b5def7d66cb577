"""Where an image may come from: addresses that a stranger's word can't turn against this network."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from mngr.model.errors import InvalidInput, Unreachable

MOST_LENGTH = 2048
DEFAULT_PORTS = {"https": 443, "http": 80}

_HOST = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*\Z"
)
#: What ends in a number is an IPv4 address, in a spelling that only some programs know: https://url.spec.whatwg.org/#ends-in-a-number-checker
_NUMBER = re.compile(r"(\A|\.)([0-9]+|0x[0-9a-f]*)\Z")
#: NAT64 and 6to4 addresses hold one of IPv4, which is where a packet ends up.
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_6TO4 = ipaddress.ip_network("2002::/16")
#: All of IPv6 that is given out, and what of it is kept for other purposes.
#: https://www.iana.org/assignments/iana-ipv6-special-registry
_GIVEN_OUT = ipaddress.ip_network("2000::/3")
_SPECIAL = [ipaddress.ip_network(one) for one in ("2001::/23", "2001:db8::/32", "3fff::/20")]
#: Where 6to4's relays were.
_RELAYS = ipaddress.ip_network("192.88.99.0/24")

Lookup = Callable[[str, int], list[str]]
"""The addresses of a host's name. Raises OSError."""


@dataclass(frozen=True)
class Allowed:
    """What images may be fetched from. `hosts`: names, or `*.example.org` for all below one; none: any. `private`: also from
    addresses that aren't the public Internet's. `most_bytes`: no image is bigger."""

    hosts: tuple[str, ...] = ()
    private: bool = False
    most_bytes: int = 20 * 1024**3


@dataclass(frozen=True)
class Url:
    """An address whose parts are checked. `target`: path and query, as they go into a request."""

    scheme: str
    host: str
    port: int
    target: str

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.target}"


def parse(text: str, allowed: Allowed, *, checked: bool) -> Url:
    """`checked`: whether what comes is compared with a digest; without, only https will do.

    Raises InvalidInput, which says what is wrong with the address, and never repeats a password in it.
    """
    if (
        len(text) > MOST_LENGTH
        or not text.isascii()
        or not text.isprintable()
        or set(text) & set(' "<>\\^`{|}')
    ):
        raise InvalidInput(
            f"image address {text[:80]!r} is no URL",
            hint="give plain ASCII without blanks; other characters are written as %XX",
        )
    try:
        parts = urlsplit(text)
        port = parts.port
        if port == 0:
            raise ValueError("port 0 is none")
    except ValueError as problem:
        raise InvalidInput(f"an image address is no URL: {problem}") from None
    scheme = parts.scheme.lower()
    if scheme not in DEFAULT_PORTS:
        raise InvalidInput(
            f"images aren't fetched by {scheme or 'no scheme'!r}",
            hint="give an address that begins with https://",
        )
    if parts.username is not None or parts.password is not None:
        raise InvalidInput(
            f"the image address of {parts.hostname} has a user or password in it",
            hint="addresses are shown and logged: give one that needs none",
        )
    host = (parts.hostname or "").rstrip(".")
    named = _HOST.match(host) and not _NUMBER.search(host) and "[" not in parts.netloc
    if not (named or (_literal(host) and "%" not in host)):
        raise InvalidInput(f"the image address {text[:80]!r} names no host")
    if scheme == "http" and not checked:
        raise InvalidInput(
            f"an image from {host} by http could be anybody's",
            hint="give https://, or the image's sha256 as well",
        )
    if allowed.hosts and not any(_fits(host, one.lower()) for one in allowed.hosts):
        raise InvalidInput(
            f"images aren't fetched from {host}", hint=f"allowed here: {', '.join(sorted(allowed.hosts))}"
        )
    query = f"?{parts.query}" if parts.query else ""
    return Url(scheme, host, port or DEFAULT_PORTS[scheme], (parts.path or "/") + query)


def check(text: str, allowed: Allowed, *, checked: bool) -> None:
    """All that can be known of an address without looking its name up. Raises what `parse` and `addresses` do."""
    url = parse(text, allowed, checked=checked)
    if _literal(url.host):
        addresses(url, allowed, lambda host, port: [host])


def addresses(url: Url, allowed: Allowed, lookup: Lookup | None = None) -> list[str]:
    """The host's addresses, each of which may be connected to; nobody looks the name up again between this check and the
    connection. Raises InvalidInput where one isn't public, Unreachable where the name isn't known."""
    try:
        found = (lookup or _system)(url.host, url.port)
    except OSError as problem:
        raise Unreachable(
            f"can't look up {url.host}, where an image is to come from: {problem.strerror or problem}",
            hint="is the name right, and the network there?",
        ) from None
    if not allowed.private:
        for address in found:
            if not is_public(address):
                raise InvalidInput(
                    f"images aren't fetched from {url.host}: {address} isn't the public Internet's",
                    hint="whoever runs this can allow private addresses",
                )
    return found


def is_public(address: str) -> bool:
    """Whether it is the public Internet's, also by the IPv4 address inside one of IPv6."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv4Address):
        return ip.is_global and not ip.is_multicast and ip not in _RELAYS
    if ip in _NAT64:
        return is_public(str(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)))
    if ip in _6TO4:
        return is_public(str(ipaddress.IPv4Address(int(ip) >> 80 & 0xFFFFFFFF)))
    return ip in _GIVEN_OUT and ip.is_global and not any(ip in one for one in _SPECIAL)


def _fits(host: str, pattern: str) -> bool:
    return host.endswith(pattern[1:]) if pattern.startswith("*.") else host == pattern


def _literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _system(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))
