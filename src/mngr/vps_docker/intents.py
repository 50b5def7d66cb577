"""What the journal keeps of rented machines, typed: an intent's `kind` says which of these its `plan` is.

What is kept of a machine or a host is named field by field (`Ordered`, `Request`): what may hold a secret isn't among it.
"""

from typing import Any

import msgspec

from mngr.journal import Intent
from mngr.model.errors import MngrError
from mngr.providers.contract import HostSpec, IdleRequest
from mngr.vps_docker.vps_client import MachineSpec


class Ordered(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A machine: what is needed to release it."""

    host_id: str
    name: str
    plan: str
    region: str
    image: str
    tags: dict[str, str] = {}
    options: dict[str, str] = {}

    @property
    def spec(self) -> MachineSpec:
        return msgspec.convert(self, MachineSpec, from_attributes=True)


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of a HostSpec that must match to resume a create."""

    id: str
    name: str
    image: str = ""
    user: str = ""
    build_args: list[str] = []
    start_args: list[str] = []
    idle: IdleRequest | None = None
    snapshot: str = ""
    labels: dict[str, str] = {}


class Owed(msgspec.Struct, frozen=True, kw_only=True):
    """A wipe that is still to be done, on the machine at `address`, which runs until `paid_until` (ISO)."""

    address: str = ""
    paid_until: str = ""


class _Plan(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`host_name`: for people. `account`: whose machine it is (VpsClientInterface.account), "" if that isn't known."""

    host_name: str = ""
    account: str = ""


class CreatePlan(_Plan, frozen=True, kw_only=True):
    """A host is being made. `host_keys`: public halves of those that its orders carried, the newest last."""

    machine: Ordered
    request: Request | None = None
    host_keys: list[str] = []


class DestroyPlan(_Plan, frozen=True, kw_only=True):
    """A host is being destroyed."""

    machine: Ordered
    wipe: Owed | None = None


class WipePlan(_Plan, frozen=True, kw_only=True):
    """A host was destroyed, but not wiped off its machine, which runs on."""

    machine: Ordered
    wipe: Owed | None = None


class SnapshotPlan(_Plan, frozen=True, kw_only=True):
    """A snapshot of host `host_id` is being taken; the intent's subject is the snapshot's id."""

    host_id: str


Plan = CreatePlan | DestroyPlan | WipePlan | SnapshotPlan

_KINDS: dict[str, type[Plan]] = {
    "create": CreatePlan, "destroy": DestroyPlan, "wipe": WipePlan, "snapshot": SnapshotPlan,
}  # fmt: skip


def ordered(spec: MachineSpec) -> Ordered:
    return msgspec.convert(spec, Ordered, from_attributes=True)


def request(spec: HostSpec) -> Request:
    return msgspec.convert(spec, Request, from_attributes=True)


def read(intent: Intent) -> Plan:
    """Raises MngrError on what is none of these plans."""
    try:
        return msgspec.convert(intent.plan, _KINDS[intent.kind])
    except (KeyError, msgspec.ValidationError) as error:
        raise MngrError(
            f"the journal's {intent.kind} of {intent.subject} on {intent.provider} can't be read: {error}",
            hint="nothing was done about it; a newer mngr may have written it",
        ) from None


def written(intent: Intent, plan: Plan, **changes: Any) -> Intent:
    """`intent` with this plan."""
    kind = next(kind for kind, one in _KINDS.items() if one is type(plan))
    return msgspec.structs.replace(intent, kind=kind, plan=msgspec.to_builtins(plan), **changes)


def machine(intent: Intent) -> MachineSpec:
    """What to release of a host's intent. Raises MngrError as `read`."""
    return _of_host(intent).machine.spec


def destroying(intent: Intent, owed: Owed | None) -> Intent:
    """A host's intent, as that of a destroy. Raises MngrError as `read`."""
    plan = _of_host(intent)
    owed = owed or (None if isinstance(plan, CreatePlan) else plan.wipe)
    to_do = DestroyPlan(host_name=plan.host_name, account=plan.account, machine=plan.machine, wipe=owed)
    return written(intent, to_do, note="")


def _of_host(intent: Intent) -> CreatePlan | DestroyPlan | WipePlan:
    plan = read(intent)
    if isinstance(plan, SnapshotPlan):
        raise MngrError(f"the journal's {intent.subject} on {intent.provider} isn't about a host")
    return plan


def host_name(intent: Intent) -> str:
    """For people, so also of a plan that can't be read."""
    return str(intent.plan.get("host_name") or intent.subject)
