"""Azure as a cloud: VMs, each with a disk, an interface, an address and a role over itself. Deallocating ends the bill of
all but disk and address.

Everything has a name that follows from the host's id, so a repeated write makes nothing twice, and what an order left
behind is found without being noted.
"""

import contextlib
import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mngr.backends.azure import leftovers, machines
from mngr.backends.azure.arm import LAG_S, Arm, OperationFailed, missing_right
from mngr.backends.azure.capacity import NotDelivered
from mngr.backends.azure.config import AzureConfig
from mngr.backends.azure.group import Group
from mngr.backends.azure.login import AUDIENCE
from mngr.backends.azure.machines import leftover
from mngr.model.background import begin
from mngr.model.clock import SYSTEM, Clock, iso
from mngr.model.errors import MngrError, NotFound, TimedOut
from mngr.model.notes import Remark
from mngr.model.progress import Progress, Step
from mngr.model.records import AgentRecord
from mngr.model.views import Offer
from mngr.model.waiting import looks
from mngr.transport import quote
from mngr.vps_docker.errors import VpsApiError
from mngr.vps_docker.http import segment
from mngr.vps_docker.vps_client import (
    AllAgents,
    Caps,
    Ended,
    Gone,
    Handle,
    Later,
    Leftover,
    Machine,
    MachineSpec,
    Save,
    VpsClientInterface,
)

if TYPE_CHECKING:
    from mngr.backends.azure.activity import ActivityLog
    from mngr.backends.azure.offers import Offers

POWER_TIMEOUT_S = 300.0
#: A new machine's identity takes a while to be known to who gives it a role.
IDENTITY_LIMIT_S = 90.0

# Keys of the handle.
_ID = "id"
_ASKED = "asked"  # what Azure has made of it; there as soon as an order may have been sent


class AzureCloud(VpsClientInterface):
    """One resource group of one subscription."""

    def __init__(
        self, arm: Arm, config: AzureConfig, offers: "Callable[[], Offers]", clock: Clock = SYSTEM,
        folder: Path | None = None,
    ) -> None:  # fmt: skip
        """`offers`: made when they are wanted. `folder`: where what Azure's activity log said is kept."""
        self.arm = arm
        self.config = config
        self.clock = clock
        self.caps = Caps(
            list_lag_s=LAG_S,
            paid_while_off=("disk", "address"),
            self_stop=_self_stop(),
        )
        self.group = Group(subscription=arm.subscription, config=config, region=config.default_region)
        self._make_offers = offers
        self._folder = folder
        self._identities: dict[str, str] = {}

    # What a list of no machine does without is imported when it is wanted.

    @functools.cached_property
    def _offers(self) -> "Offers":
        return self._make_offers()

    @functools.cached_property
    def _log(self) -> "ActivityLog":
        from mngr.backends.azure.activity import ActivityLog

        return ActivityLog(self.arm, self._folder)

    def check(self, spec: MachineSpec) -> Offer:
        return self._offers.check(self.group.in_region(spec.region), spec, self.have_read)

    # --- making -----------------------------------------------------------------------------------------------

    def create(self, spec: MachineSpec, handle: Handle, save: Save, progress: Progress) -> Machine | None:
        from mngr.backends.azure import bodies

        group = self.group.in_region(spec.region)
        if handle.get(_ID):
            return self._delivered(handle[_ID])
        if handle.get(_ASKED):
            found = self._delivered(spec.name)
            if found is None or found.state != "gone":
                save({_ID: spec.name})
                return found
        if spec.region != self.config.default_region:
            self._prepare(group, progress)
        save({_ID: "", _ASKED: "nothing"})
        self.arm.write("PUT", group.address(spec.name), bodies.address(spec))
        save({_ASKED: "address"})
        self.arm.write("PUT", group.nic(spec.name), bodies.interface(group, spec))
        begun = self.arm.begin(
            "PUT", group.vm(spec.name), bodies.vm(group, self.config, spec, iso(self.now()))
        )
        save({_ID: spec.name})
        if not isinstance(begun, dict):
            try:
                self.arm.finish(begun, self.config.vps_boot_timeout)
            except OperationFailed as error:
                raise NotDelivered(error.message, code=error.code) from None
            save({_ASKED: "all"})
        found = self._delivered(spec.name)
        for _ in looks(self.clock, LAG_S):
            if found is None or found.state != "gone":
                break
            found = self._delivered(spec.name)  # it has just been made: Azure doesn't show it yet
        return found

    def _prepare(self, group: Group, progress: Progress) -> None:
        """The network of another region than the settings', which costs nothing; as open as it is, or as the settings' is."""
        from mngr.backends.azure.prepare import Prepared, network, open_to

        done = Prepared(group=self.config.resource_group, region=group.region)
        try:
            cidrs = open_to(self.arm, group) or open_to(self.arm, self.group) or self.config.allowed_ssh_cidrs
            network(self.arm, group, cidrs, done, lambda step: progress(Step("order", step)))
        except MngrError as error:
            if missing_right(error):
                error.hint = f"run `mngr azure prepare --region {group.region}` once, with the right to"
            raise

    def _delivered(self, name: str) -> Machine | None:
        """The VM of an order that was sent. None while Azure is making it; with the state `gone` if it isn't there.

        Raises NotDelivered if Azure couldn't make it, with Azure's reason."""
        try:
            row = self._row(name)
        except NotFound:
            return Machine(id=name, state="gone")
        statuses = machines.statuses_of(row)
        made = str((row.get("properties") or {}).get("provisioningState", "")).lower()
        if made == "failed":
            code, why = machines.failure(statuses)
            raise NotDelivered(
                f"Azure couldn't make the VM {name}: {why or 'it failed'} ({code or made})", code=code
            )
        if made == "creating":
            return None
        return machines.machine(row, statuses, self._address(name))

    def keep(self, id: str, progress: Progress) -> None:
        """Gives the machine its role over itself. Whatever is in the way of that: the host is whole, and people are told that
        it can't stop its own bill."""
        identity = (self._row(id).get("identity") or {}).get("principalId")
        body = {
            "properties": {
                "roleDefinitionId": self.group.whole(self.group.role),
                "principalId": identity,
                "principalType": "ServicePrincipal",
            }
        }
        last = ""
        for _ in looks(self.clock, IDENTITY_LIMIT_S, most=5):
            try:
                self.arm.write("PUT", self.group.assignment(id), body)
                return
            except (VpsApiError, NotFound, TimedOut) as error:
                code, last = getattr(error, "code", ""), error.message
                if code == "RoleAssignmentExists":
                    return
                if code not in ("PrincipalNotFound", "RoleDefinitionDoesNotExist"):
                    break
        progress(Remark(text=f"it can't stop its own bill when it is idle, only `mngr stop` does: {last}"))

    # --- looking ----------------------------------------------------------------------------------------------

    def find(self, owner: dict[str, str]) -> list[Machine]:
        wanted = owner.items()
        return self.find_ours(lambda name, tags: wanted <= tags.items())

    def find_ours(self, is_ours: Callable[[str, Mapping[str, str]], bool]) -> list[Machine]:
        """VMs, and what is left of such that never were, or are gone: an address, a disk."""
        self.arm.log_in()  # once, not in each thread
        asked = begin(lambda: self._list(self.group.addresses))
        vms = {str(row.get("name")): row for row in self._list(self.group.vms)}
        rows = {name: row for name, row in vms.items() if is_ours(name, row.get("tags") or {})}
        statuses = begin(self._statuses) if rows else dict[str, list[Mapping[str, Any]]]
        disks, addresses = self._list(self.group.disks), asked()  # two connections do for all
        found = [one for one in leftovers.billed(vms, addresses, disks) if is_ours(one.name, one.tags)]
        at = {str(row.get("name")).removesuffix("-ip"): row for row in addresses}
        states = statuses()
        found += [
            self._machine(row, states.get(str(row.get("id")).lower(), []), _ip(at.get(name, {})))
            for name, row in rows.items()
        ]
        return sorted(found, key=lambda one: (one.created_at or 0, one.id))

    def _list(self, path: str) -> list[dict[str, Any]]:
        return leftovers.listed(self.arm, path)

    def ended(self, id: str, *, gone: bool = False) -> Ended | None:
        return self._log.ended(self.group.whole(self.group.vm(id)), self._identities.get(id, ""), gone)

    def _machine(self, row: dict[str, Any], statuses: Sequence[Mapping[str, Any]], address: str) -> Machine:
        made = machines.machine(row, statuses, address)
        self._identities[made.id] = (row.get("identity") or {}).get("principalId") or ""
        if made.state == "running":
            self._log.runs([self.group.whole(self.group.vm(made.id))])
        return made

    def leftovers(self, is_ours: Callable[[str, Mapping[str, str]], bool]) -> list[Leftover]:
        return leftovers.free(self.arm, self.group, is_ours)

    def clear(self, leftover: Leftover) -> Gone | Later:
        return leftovers.clear(self.arm, leftover)

    def _statuses(self) -> dict[str, list[Mapping[str, Any]]]:
        """How all VMs of the subscription are, by id: a group's list doesn't say it, and this one says nothing else."""
        rows = self.arm.pages("/providers/Microsoft.Compute/virtualMachines", {"statusOnly": "true"})
        return {str(one.get("id")).lower(): machines.statuses_of(one) for one in rows}

    def get(self, id: str) -> Machine:
        try:
            row = self._row(id)
        except NotFound as gone:
            for path in (self.group.address(segment(id)), self.group.disk(segment(id))):
                with contextlib.suppress(NotFound):
                    return leftover(id, self.arm.get(path))
            raise gone from None
        return self._machine(row, machines.statuses_of(row), self._address(id))

    def _row(self, id: str) -> dict[str, Any]:
        return self.arm.get(self.group.vm(segment(id)), {"$expand": "instanceView"})

    def _address(self, name: str) -> str:
        try:
            return _ip(self.arm.get(self.group.address(segment(name))))
        except NotFound:
            return ""

    def account(self) -> str:
        return f"subscription {self.arm.subscription}, group {self.config.resource_group.lower()}"

    def now(self) -> float:
        return self.arm.now()

    # --- changing ---------------------------------------------------------------------------------------------

    def power(self, id: str, on: bool) -> None:
        """Off is deallocated: a VM that was shut down from within is billed on.

        It is asked for also if it seems to be so already: a read may be old, and a VM that is on is billed."""
        wanted, now = "running" if on else "deallocated", ""
        self.arm.write("POST", f"{self.group.vm(segment(id))}/{'start' if on else 'deallocate'}")
        since = self.clock.monotonic()
        for _ in looks(self.clock, POWER_TIMEOUT_S, most=5):
            try:
                now = machines.power(machines.statuses_of(self._row(id)))
            except NotFound:  # it was there a moment ago
                if self.clock.monotonic() - since > LAG_S:
                    raise
            if now == wanted:
                return
        raise TimedOut(
            f"VM {id} isn't {wanted} {POWER_TIMEOUT_S:g} s after Azure was asked to make it so (it is {now})",
            hint="look at it in the Azure portal",
        )

    def tag(self, id: str, put: dict[str, str], drop: Sequence[str] = ()) -> None:
        name = segment(id)
        for path in (self.group.vm(name), self.group.address(name)):
            with contextlib.suppress(NotFound):
                return self._tag(path, put, drop)
        return self._tag(self.group.disk(name), put, drop)

    def _tag(self, path: str, put: dict[str, str], drop: Sequence[str]) -> None:
        # Azure merges and removes tags by itself, so that two writers don't undo each other.
        path = f"{path}/providers/Microsoft.Resources/tags/default"
        if put:
            self.arm.write("PATCH", path, {"operation": "Merge", "properties": {"tags": put}})
        if drop:
            found = (self.arm.get(path).get("properties") or {}).get("tags") or {}
            if there := {key: found[key] for key in drop if key in found}:
                self.arm.write("PATCH", path, {"operation": "Delete", "properties": {"tags": there}})

    def keep_agents(
        self, id: str, put: Sequence[AgentRecord], drop: Sequence[str] = (), all_: AllAgents | None = None
    ) -> None:
        from mngr.backends.azure import agent_tags

        found = self._row(id).get("tags") or {}
        whole = agent_tags.whole(found) is not None and not agent_tags.shortened(found)
        kept = agent_tags.read(found)
        if not whole and all_ is not None:
            with contextlib.suppress(MngrError):  # the host can't be asked: then these aren't all
                kept, whole = list(all_()), True
        changed = {one.id for one in put} | set(drop)
        agents = [one for one in kept if one.id not in changed] + list(put)
        others = [key for key in found if not agent_tags.is_ours(key)]
        wanted, _ = agent_tags.write(agents, min(agent_tags.ROOM, agent_tags.MOST - len(others)))
        if not whole and agent_tags.whole(found) is None:  # what was lost isn't known: these aren't all
            wanted.pop(agent_tags.COUNT, None)
        elif not whole:  # what was left out before still is
            wanted[agent_tags.COUNT] = agent_tags.count(len(agents), short=True)
        old = [key for key in found if agent_tags.is_ours(key) and key not in wanted]
        if len(found.keys() | wanted.keys()) > agent_tags.MOST:
            self.tag(id, {}, old)
            old = []
        self.tag(id, {key: value for key, value in wanted.items() if found.get(key) != value}, old)

    def release(self, spec: MachineSpec, handle: Handle) -> Gone | Later:
        from mngr.backends.azure.release import release

        return release(self.arm, self.group, spec.name)


def _self_stop() -> str:
    text = (Path(__file__).parent / "scripts" / "deallocate.sh").read_text("utf-8")
    return f"arm={quote.word(AUDIENCE)}\n{text}"


def _ip(row: Mapping[str, Any]) -> str:
    return (row.get("properties") or {}).get("ipAddress") or ""
