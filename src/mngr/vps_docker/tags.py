"""Whose a machine is, as tags on it. They are read by other laptops, and the cloud's page shows them."""

from collections.abc import Mapping

import msgspec

from mngr.model.ids import is_id

PROVIDER = "mngr-provider"
HOST_ID = "mngr-host-id"
HOST_NAME = "mngr-host-name"
BUILDER = "mngr-builder"
UNTIL = "mngr-until"
READY = "mngr-ready"

#: How far ahead `mngr-until` is put, in seconds of the cloud's time: a builder that dies is nobody's after it.
LEASE_S = 900
#: A lease is renewed when less than this is left of it.
RENEW_BELOW_S = 600


class Owner(msgspec.Struct, frozen=True, kw_only=True):
    """What a machine's tags say. `until` is None where there is no such tag, or not a number in it."""

    provider: str = ""
    host_id: str = ""
    host_name: str = ""
    builder: str = ""
    until: float | None = None
    ready: bool = False


def building(provider: str, host_id: str, host_name: str, laptop: str, now: float) -> dict[str, str]:
    """The tags of a machine that `laptop` starts to build at `now`, the cloud's time."""
    return {
        PROVIDER: provider,
        HOST_ID: host_id,
        HOST_NAME: host_name,
        BUILDER: laptop,
        UNTIL: str(int(now) + LEASE_S),
    }


def read(tags: Mapping[str, str]) -> Owner:
    """Tags are written by anyone with access to the account: ids are checked, the rest is only shown."""
    host_id = tags.get(HOST_ID, "")
    until = tags.get(UNTIL, "")
    return Owner(
        provider=tags.get(PROVIDER, ""),
        host_id=host_id if is_id(host_id) else "",
        host_name=tags.get(HOST_NAME, ""),
        builder=tags.get(BUILDER, ""),
        until=float(until) if until.isascii() and until.isdigit() else None,
        ready=tags.get(READY) == "1",
    )


def machine_name(provider: str, host_name: str, host_id: str) -> str:
    """What a machine is called in its cloud: at most 63 characters, a valid host name, the same at every call."""
    name = f"mngr-{provider}-{host_name}".lower().replace("_", "-")[:54].rstrip("-")
    return f"{name}-{host_id.removeprefix('host-')[:8]}"
