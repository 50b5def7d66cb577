"""A VPS as OVH shows it: the service, its datacenter, addresses, renewal and tags, joined."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from mngr.backends.ovh import renewal
from mngr.backends.ovh.answers import understood
from mngr.backends.ovh.client import OvhClient
from mngr.backends.ovh.renewal import Renewal
from mngr.backends.ovh.tags import TagStore, is_free, locked_for
from mngr.model.background import each
from mngr.model.clock import from_iso
from mngr.model.errors import NotFound
from mngr.model.waiting import looks
from mngr.vps_docker.http import segment
from mngr.vps_docker.primitives import VpsInstanceStatus
from mngr.vps_docker.vps_client import Machine

#: `vps.VpsStateEnum` in the contract's words; all others are on their way to one of these.
STATES: dict[str, VpsInstanceStatus] = {"running": "running", "stopped": "stopped", "expired": "expired"}
#: States in which a VPS can be installed anew.
SETTLED = ("running", "stopped")
#: So many VPSs are read at once.
PARALLEL = 8


T = TypeVar("T")


class Vps(msgspec.Struct, frozen=True, kw_only=True):
    """`state` in OVH's words; `datacenter` as orders have it (`zone` is another name)."""

    name: str
    state: str
    plan: str
    datacenter: str
    address: str
    display_name: str
    tags: Mapping[str, str]
    renewal: Renewal

    @property
    def tagged(self) -> bool:
        """Whether anybody has put a tag on it, mngr or not."""
        return any(not key.startswith("ovh:") for key in self.tags)

    def released(self, now: float) -> bool:
        """Cancelled or not paid, and nobody's: it waits to be recycled, or for its end."""
        ends = self.renewal.cancelled or self.state == "expired"
        return ends and is_free(self.tags, now) and not locked_for(self.tags, now)

    def machine(self) -> Machine:
        try:
            created = from_iso(self.renewal.created)
        except ValueError:
            created = None
        return Machine(
            id=self.name,
            name=self.display_name or self.name,
            state=STATES.get(self.state, "pending"),
            address=self.address,
            tags=dict(self.tags),
            plan=self.plan,
            region=self.datacenter,
            created_at=created,
            paid_until=self.renewal.expiration,
            renews=self.renewal.renews,
        )


class Reader:
    """Reads VPSs; a service's datacenter never changes, so it is asked for once. `lag`: so late are OVH's lists, in s."""

    def __init__(self, client: OvhClient, tags: TagStore, lag: float) -> None:
        self.client = client
        self.tags = tags
        self.lag = lag
        self._datacenters: dict[str, str] = {}

    def patiently(self, do: Callable[[], T]) -> T:
        """What is fresh isn't known to all of OVH at once: raises NotFound only if `do` still does after `lag` seconds."""
        gone = NotFound("OVH doesn't have it")
        for _ in looks(self.client.clock, self.lag, most=5):
            try:
                return do()
            except NotFound as error:
                gone = error
        raise gone

    def read(self, service: str, known: Renewal | None = None) -> Vps:
        """Raises NotFound if OVH says so, Unreadable on all else."""
        path = f"/vps/{segment(service)}"
        data: Any = self.client.get(path)
        with understood(f"OVH's answer about {service}"):
            iam = data.get("iam") or {}
            urn = str(iam.get("urn") or "")
            self.tags.know(service, urn)
            found = iam.get("tags") if urn else None
            return Vps(
                name=str(data["name"]),
                state=str(data["state"]),
                plan=str((data.get("model") or {}).get("name") or ""),
                datacenter=self._datacenter(service),
                address=ipv4(self.client.get(f"{path}/ips") or []),
                display_name=str(data.get("displayName") or ""),
                tags=dict(found) if found is not None else self.tags.read(service),
                renewal=known or renewal.read(self.client, service),
            )

    def state(self, service: str) -> str:
        """In OVH's words; "" if it doesn't say. Raises as `read`."""
        answer = self.client.get(f"/vps/{segment(service)}")
        with understood(f"OVH's answer about {service}"):
            return str((answer or {}).get("state") or "")

    def expired(self, service: str) -> Vps | None:
        """A VPS that wasn't paid: OVH keeps it, switched off, for some days, and shows no more than its renewal and tags
        (of all else it says 460, ResourceExpired). None if it isn't one. Raises Unreadable."""
        try:
            known = renewal.read(self.client, service)
            if known.status != "expired":
                return None
            found = self.tags.read(service)
        except NotFound:
            return None
        return Vps(
            name=service, state="expired", plan="", datacenter="", address="", display_name="", tags=found,
            renewal=known,
        )  # fmt: skip

    def read_patiently(self, service: str) -> Vps:
        """Raises NotFound only if OVH says so for `lag` seconds."""
        return self.patiently(lambda: self.read(service))

    def read_all(self, names: Sequence[str], *, patiently: bool = True) -> list[Vps]:
        """Several at a time; those that OVH says aren't there (`patiently`: for `lag` seconds) are left out, and one that
        wasn't paid is in state `expired`. Raises Unreadable."""

        def one(name: str) -> Vps | None:
            try:
                return self.read_patiently(name) if patiently else self.read(name)
            except NotFound:
                return self.expired(name)

        return [vps for vps in each(one, names, PARALLEL) if vps is not None]

    def _datacenter(self, service: str) -> str:
        if service not in self._datacenters:
            answer = self.client.get(f"/vps/{segment(service)}/datacenter") or {}
            self._datacenters[service] = str(answer.get("name") or "")
        return self._datacenters[service]


def ipv4(addresses: list[Any]) -> str:
    """/ips has both kinds, in no order."""
    from ipaddress import ip_address

    found = []
    for one in addresses:
        try:
            if ip_address(str(one)).version == 4:
                found.append(str(one))
        except ValueError:
            continue
    return found[0] if found else ""
