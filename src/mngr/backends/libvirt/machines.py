"""A VM as a machine: its state, its address, its tags and its host's agents, which are notes on it in libvirt."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from mngr.backends.libvirt import plans
from mngr.backends.libvirt.config import REGION
from mngr.model.records import AgentRecord
from mngr.vms import addresses, library, notes, states
from mngr.vms import domain as xml
from mngr.vms.hypervisor import Hypervisor
from mngr.vps_docker.primitives import VpsInstanceStatus
from mngr.vps_docker.vps_client import Machine

TAGS, AGENTS, STOPPED = "tags", "agents", "stopped"

#: A paused one goes on when it is started.
_STATES: Mapping[str, VpsInstanceStatus] = {
    states.RUNNING: "running", states.STOPPED: "stopped", states.CRASHED: "stopped", states.PAUSED: "stopped",
    states.SUSPENDED: "stopped", states.STOPPING: "pending",
}  # fmt: skip


def machine(hypervisor: Hypervisor, domain: Any) -> Machine:
    """Raises NotFound if it is gone meanwhile, MngrError."""
    with library.doing(f"read VM {domain.name()}"):
        text = domain.XMLDesc()
    facts, state = xml.read(text), states.of(domain)
    agents = read_agents(notes.read(text, AGENTS))
    spec = facts.spec
    return Machine(
        id=facts.name,
        name=facts.name,
        state=_STATES.get(state, "pending"),
        # A forwarded one stays the VM's while that is off.
        address=facts.address or addresses.find(hypervisor, domain, facts, state).ip,
        tags=read_tags(notes.read(text, TAGS)),
        plan=plans.name(spec.memory_mib, spec.vcpus, spec.disk_gib) if spec else "",
        region=REGION,
        created_at=facts.made_at,
        agents=agents,
    )


def read_tags(note: Any) -> dict[str, str]:
    """What isn't text wasn't written by us."""
    found = note if isinstance(note, dict) else {}
    return {key: value for key, value in found.items() if isinstance(value, str)}


def tagged(note: Any, put: Mapping[str, str], drop: Sequence[str]) -> dict[str, Any]:
    """The note with some tags set, and others removed; what else is in it stays."""
    found = note if isinstance(note, dict) else {}
    return {**{key: value for key, value in found.items() if key not in drop}, **put}


def read_agents(note: Any) -> list[AgentRecord] | None:
    """None if there is no such note, or it is damaged."""
    try:
        return msgspec.convert(note, list[AgentRecord]) if note is not None else None
    except msgspec.ValidationError:
        return None


def with_agents(records: Sequence[AgentRecord], put: Sequence[AgentRecord], drop: Sequence[str]) -> Any:
    """The note of these agents, with some put and others dropped."""
    by_id = {one.id: one for one in [*records, *put] if one.id not in drop}
    return msgspec.to_builtins(list(by_id.values()))
