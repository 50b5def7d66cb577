"""Keys of clouds' APIs, and the addresses that they may be sent to."""

import re
from urllib.parse import urlsplit

from mngr.model.errors import InvalidInput

LONGEST_KEY = 4096


def credential(text: str, what: str) -> str:
    """A key or secret without the white space around it, which comes along when one is copied; "" if that is all.

    Raises InvalidInput, which calls it `what` and doesn't show it, if it can't be one: it goes into a header.
    """
    found = text.strip()
    if not re.fullmatch(r"[!-~]*", found):
        raise InvalidInput(
            f"{what} holds a blank, a line's end or another character that no key has",
            hint="copy it anew, alone",
        )
    if len(found) > LONGEST_KEY:
        raise InvalidInput(f"{what} has {len(found)} characters, which is no key", hint="copy it anew, alone")
    return found


def check_api_url(url: str, where: str) -> str:
    """`url` without a slash at its end, if a key may be sent to it. Raises InvalidInput.

    Plain http is for simulated clouds on this computer only: on a network it would give the key away.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:  # whose message quotes it
        parts, host = urlsplit(""), ""
    if not host or parts.scheme not in ("http", "https") or parts.username or parts.query:
        shown = "" if {"@", "?"} & set(url) else f" {url!r}"  # there may be a password in it
        raise InvalidInput(f"{where}:{shown} isn't an API address", hint="write https://HOST[:PORT][/PATH]")
    if parts.scheme == "http" and not _is_here(host):
        raise InvalidInput(
            f"{where}: {url!r} would send the API key in the clear",
            hint="use https; plain http is for addresses on this computer (127.0.0.1, localhost) only",
        )
    return url.rstrip("/")


def _is_here(host: str) -> bool:
    from ipaddress import ip_address

    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
