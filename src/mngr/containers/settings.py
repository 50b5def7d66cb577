"""Settings that every provider of containers as hosts has (`[providers.NAME]`)."""

import re
from collections.abc import Sequence

import msgspec

from mngr.config.schema import Seconds
from mngr.model.idle import parse_mode
from mngr.model.records import Idle

LONGEST_S = 1e9
#: Folders that an image needs itself, by name; those of the kernel also with all below.
_SYSTEM = ("bin", "boot", "etc", "home", "lib", "lib64", "root", "run", "sbin", "tmp", "usr", "var")
_KERNEL = ("dev", "proc", "sys")


class ContainerSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Times in seconds. A provider's own config extends this.

    `host_dir`: mngr's folder inside containers. `default_start_args`: arguments of `docker run`. `default_user`: whom
    agents run as (`image`, a name or number; root if unset). `default_max_lifetime`: a running host is stopped after so
    long, whatever its agents do; 0 for never.
    """

    host_dir: str = "/mngr"
    default_image: str = "debian:bookworm-slim"
    default_idle_timeout: Seconds = 800
    default_idle_mode: str = "IO"
    default_max_lifetime: Seconds = 0
    default_start_args: Sequence[str] = ()
    default_user: str = ""
    ssh_connect_timeout: Seconds = 60.0

    def __post_init__(self) -> None:
        """Raises ValueError on what no host can be made with."""
        check_host_dir(self.host_dir)
        check_seconds(self, "default_idle_timeout", "default_max_lifetime", zero=True, least=1)
        check_seconds(self, "ssh_connect_timeout")

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
            raise ValueError(f"{name} {seconds:g} is invalid; seconds, {never}below 1e9")
