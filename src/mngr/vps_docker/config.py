"""Settings that all providers of rented machines share (`[providers.NAME]`)."""

import re
from urllib.parse import urlsplit

from mngr.containers.settings import ContainerSettings, check_seconds
from mngr.model.errors import InvalidInput

LONGEST_KEY = 4096


class VpsDockerProviderConfig(ContainerSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Times in seconds. A cloud's own config extends this with its credentials and its own defaults.

    `vps_boot_timeout`: from the order to a login. `docker_install_timeout`: from there until the machine's first boot
    is through.
    """

    vps_boot_timeout: float = 300.0
    docker_install_timeout: float = 300.0
    container_ssh_port: int = 2222
    default_region: str = "ewr"
    default_plan: str = "vc2-1c-1gb"
    default_os_id: int = 2136

    def __post_init__(self) -> None:
        """Raises ValueError on what no host can be made with."""
        super().__post_init__()
        check_seconds(self, "vps_boot_timeout", "docker_install_timeout")
        if not 1024 <= self.container_ssh_port <= 65535:
            raise ValueError(
                f"container_ssh_port {self.container_ssh_port} isn't one of 1024 to 65535; the machine has those below"
            )


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
