"""Settings that all providers of rented machines share (`[providers.NAME]`)."""

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

import msgspec

from mngr.model.errors import InvalidInput
from mngr.model.idle import parse_mode
from mngr.model.records import Idle

LONGEST_S = 1e9
LONGEST_KEY = 4096
#: Folders that an image needs itself, by name; those of the kernel also with all below.
_SYSTEM = ("bin", "boot", "etc", "home", "lib", "lib64", "root", "run", "sbin", "tmp", "usr", "var")
_KERNEL = ("dev", "proc", "sys")


class VpsDockerProviderConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Times in seconds. A cloud's own config extends this with its credentials and its own defaults.

    `host_dir`: mngr's folder inside containers. `vps_boot_timeout`: from the order to a login.
    `docker_install_timeout`: from there until the machine's first boot is through. `default_start_args`:
    arguments of `docker run`. `default_user`: whom agents run as (`image`, a name or number; root if unset). `default_max_lifetime`: a running host is stopped by its machine after so long,
    whatever its agents do; 0 for never.
    """

    host_dir: str = "/mngr"
    default_image: str = "debian:bookworm-slim"
    default_idle_timeout: float = 800
    default_idle_mode: str = "IO"
    default_max_lifetime: float = 0
    ssh_connect_timeout: float = 60.0
    vps_boot_timeout: float = 300.0
    docker_install_timeout: float = 300.0
    container_ssh_port: int = 2222
    default_region: str = "ewr"
    default_plan: str = "vc2-1c-1gb"
    default_os_id: int = 2136
    default_start_args: Sequence[str] = ()
    default_user: str = ""

    def __post_init__(self) -> None:
        """Raises ValueError on what no host can be made with."""
        check_host_dir(self.host_dir)
        check_seconds(self, "default_idle_timeout", "default_max_lifetime", zero=True, least=1)
        check_seconds(self, "ssh_connect_timeout", "vps_boot_timeout", "docker_install_timeout")
        if not 1024 <= self.container_ssh_port <= 65535:
            raise ValueError(
                f"container_ssh_port {self.container_ssh_port} isn't one of 1024 to 65535; the machine has those below"
            )

    def idle(self) -> Idle:
        """The defaults for when a host stops itself. Raises InvalidInput on an unknown mode."""
        return Idle(
            mode=parse_mode(self.default_idle_mode),
            timeout_s=self.default_idle_timeout,
            max_lifetime_s=self.default_max_lifetime,
        )


def check_host_dir(path: str) -> None:
    """Raises ValueError if mngr can't have this folder in a container."""
    parts = path.split("/")[1:]
    odd = not re.fullmatch(r"(/[A-Za-z0-9_.-]+)+", path) or {".", ".."} & set(parts) or len(path) > 80
    if odd or parts[0] in _KERNEL or (len(parts) == 1 and parts[0] in _SYSTEM):
        raise ValueError(f"host_dir {path!r} can't be used; a folder of its own, e.g. /mngr")


def check_seconds(config: msgspec.Struct, *names: str, zero: bool = False, least: float = 0) -> None:
    """Raises ValueError if one of these settings is no time to wait: not a number, endless, negative, below `least`; 0
    unless `zero`."""
    for name in names:
        seconds = getattr(config, name)
        if not ((0 < seconds < LONGEST_S and seconds >= least) or (zero and seconds == 0)):
            never = "0 for never, " if zero else ""
            raise ValueError(f"{name} {seconds:g} can't be meant; seconds, {never}below 1e9")


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
