"""Whose a machine is, as tags on it. They are read by other laptops, and the cloud's page shows them."""

import re
from collections.abc import Mapping

import msgspec

from mngr.model.ids import is_id
from mngr.model.records import HostRecord

PROVIDER = "mngr-provider"
HOST_ID = "mngr-host-id"
HOST_NAME = "mngr-host-name"
BUILDER = "mngr-builder"
UNTIL = "mngr-until"
READY = "mngr-ready"
#: The machine's SSH host key (without its type, which is always ed25519), for a computer that lost its pins.
HOST_KEY = "mngr-host-key"
#: During a swap of the host key: the one that may be live already.
NEXT_KEY = "mngr-host-key-next"

#: What a machine has only as long as it carries, or is to carry, a host.
_OF_HOSTS = (HOST_ID, HOST_NAME, BUILDER, UNTIL, READY, HOST_KEY)

#: How far ahead `mngr-until` is put, in seconds of the cloud's time: a builder that dies is nobody's after it.
LEASE_S = 900
#: A lease is renewed when less than this is left of it.
RENEW_BELOW_S = 600
#: A builder stops this long before its lease ends, a sweep waits this long after: no two think it theirs.
MARGIN_S = 60

_ED25519 = "ssh-ed25519"
_KEY = re.compile(r"AAAAC3NzaC1lZDI1NTE5AAAA[A-Za-z0-9+/]{44}\Z")


class Owner(msgspec.Struct, frozen=True, kw_only=True):
    """What a machine's tags say. `until` is None where there is no such tag, or not a number in it."""

    provider: str = ""
    host_id: str = ""
    host_name: str = ""
    builder: str = ""
    until: float | None = None
    ready: bool = False
    host_keys: tuple[str, ...] = ()

    def abandoned(self, now: float) -> bool:
        """Whether nobody builds this any more, at the cloud's time `now`."""
        return not self.ready and self.until is not None and now > self.until + MARGIN_S


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
        host_keys=tuple(
            f"{_ED25519} {tags[tag]}" for tag in (HOST_KEY, NEXT_KEY) if _KEY.match(tags.get(tag, ""))
        ),
    )


def is_ours(instance: str, name: str, tags: Mapping[str, str]) -> bool:
    """Whether a machine is of this provider instance: by its tag, or, where that was lost, by another or its name."""
    if PROVIDER in tags:
        return tags[PROVIDER] == instance
    called = re.escape(instance.lower().replace("_", "-"))
    return any(key in tags for key in _OF_HOSTS) or bool(
        re.fullmatch(f"mngr-{called}-.+-[0-9a-f]{{8}}", name)
    )


def of_host(instance: str, record: HostRecord) -> dict[str, str]:
    """The tags of the machine of a host that was made to its end."""
    key = record.machine_key
    named = {PROVIDER: instance, HOST_ID: record.id, HOST_NAME: record.name, READY: "1"}
    return {**named, HOST_KEY: key_tag(key)} if len(key.split()) > 1 else named


def key_tag(public_key: str) -> str:
    """`ssh-ed25519 AAAA…` as a tag's value."""
    return public_key.split()[1]


def machine_name(provider: str, host_name: str, host_id: str) -> str:
    """What a machine is called in its cloud: at most 63 characters, a valid host name, the same at every call."""
    name = f"mngr-{provider}-{host_name}".lower().replace("_", "-")[:54].rstrip("-")
    return f"{name}-{_short(host_id)}"


def named_for(machine: str, host_id: str) -> bool:
    """Whether a machine's name is one that `machine_name` gives for this host."""
    return machine.endswith(f"-{_short(host_id)}")


def _short(host_id: str) -> str:
    return host_id.removeprefix("host-")[:8]
