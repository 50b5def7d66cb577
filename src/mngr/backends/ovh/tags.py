"""Tags of a VPS: IAM v2 on its URN, and what they mean here. https://api.us.ovhcloud.com/console/?branch=v2#/iam

Writes are neither atomic nor seen at once; each key is a write of its own. A VPS carries a host while it is
`mngr-ready`, and is somebody's to build while `mngr-until` hasn't passed; a cancelled one with neither is free.
"""

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

from mngr.backends.ovh.answers import understood
from mngr.backends.ovh.client import OvhClient
from mngr.model.errors import NotFound
from mngr.vps_docker import tags
from mngr.vps_docker.errors import VpsApiUnreadable
from mngr.vps_docker.http import segment

CLAIM = "mngr-claim."
#: The known implementation's lock. Ours has `<epoch>:` in front of who holds it, after which it is nobody's.
RECYCLING_BY = "mngr-recycling-by"
#: Until when (seconds since the epoch) a VPS that refused its installation is passed over.
REFUSED = "mngr-refused"


class TagStore:
    """Tags of one account's VPSs."""

    def __init__(self, client: OvhClient) -> None:
        self.client = client
        self._urns: dict[str, str] = {}

    def rows(self) -> list[tuple[str, dict[str, str]]]:
        """(service name, tags) of every VPS. OVH refuses to filter by tag, so all pages are read."""
        found = []
        for row in self.client.pages("/v2/iam/resource?resourceType=vps"):
            try:
                name, urn = str(row["name"]), str(row["urn"])
                kind = row.get("type", "vps")
            except (KeyError, TypeError, AttributeError):
                raise VpsApiUnreadable("OVH's list of resources has a row without name or urn") from None
            if kind == "vps":
                self._urns[name] = urn
                found.append((name, _pairs(row, name)))
        return found

    def read(self, service: str) -> dict[str, str]:
        """Raises NotFound, Unreadable."""
        return _pairs(self.client.get(self._path(service)), service)

    def put(self, service: str, key: str, value: str) -> None:
        """Adds a tag, or gives it another value (an upsert)."""
        self.client.post(f"{self._path(service)}/tag", {"key": key, "value": value}, repeat=True)

    def drop(self, service: str, key: str) -> None:
        """One that isn't there is success."""
        with contextlib.suppress(NotFound):
            self.client.delete(f"{self._path(service)}/tag/{segment(key)}")

    def change(self, service: str, put: Mapping[str, str], drop: Sequence[str] = ()) -> None:
        for key, value in put.items():
            self.put(service, key, value)
        for key in drop:
            self.drop(service, key)

    def know(self, service: str, urn: str) -> None:
        """The URN of a service, as OVH said it."""
        if urn:
            self._urns[service] = urn

    def _path(self, service: str) -> str:
        if service not in self._urns:
            answer = self.client.get(f"/vps/{segment(service)}")
            region = self.client.region or ("us" if service.endswith(".us") else "eu")
            with understood(f"OVH's answer about {service}"):
                urn = (answer.get("iam") or {}).get("urn")
            self._urns[service] = str(urn or f"urn:v1:{region}:resource:vps:{service}")
        return f"/v2/iam/resource/{segment(self._urns[service])}"


def _pairs(row: Any, service: str) -> dict[str, str]:
    with understood(f"OVH's tags of {service}"):
        found = row.get("tags") or {}
        return {str(key): str(value) for key, value in found.items()}


def is_free(found: Mapping[str, str], now: float) -> bool:
    """Whether nobody's host is on it, and nobody builds one: of a VPS with a cancelled renewal."""
    owner = tags.read(found)
    return not owner.ready and (owner.until is None or now > owner.until + tags.MARGIN_S)


def is_being_claimed(found: Mapping[str, str]) -> bool:
    """Whether it has no host's tags (yet), but those of somebody who takes it for one."""
    return not tags.read(found).host_id and (
        RECYCLING_BY in found or any(key.startswith(CLAIM) for key in found)
    )


def is_refused(found: Mapping[str, str], now: float) -> bool:
    """Whether it refused its installation a short while ago."""
    until = found.get(REFUSED, "")
    return until.isascii() and until.isdigit() and now < float(until)


def is_locked(found: Mapping[str, str], now: float) -> bool:
    """Whether `mngr-recycling-by` stands in the way. One without a time in it was set by another implementation, and
    counts until somebody removes it (`mngr ovh list` shows it)."""
    lock = found.get(RECYCLING_BY, "")
    if not lock:
        return False
    until, colon, _ = lock.partition(":")
    return not (colon and until.isdigit() and now > float(until))


def locked_for(found: Mapping[str, str], now: float) -> str:
    """The host id that a winner's lock names, while it counts; "" if there is none."""
    until, _, host_id = found.get(RECYCLING_BY, "").partition(":")
    return host_id if until.isascii() and until.isdigit() and now <= float(until) else ""


def stale(found: Mapping[str, str], keep: Mapping[str, str], claim: str) -> list[str]:
    """Keys of earlier owners, to be dropped by a new one (a recycled VPS once kept the old owner's tags)."""
    return [
        key
        for key in found
        if key.startswith("mngr-") and key not in keep and key != claim and key != RECYCLING_BY
    ]
