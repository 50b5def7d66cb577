"""A VM as a machine of vps_docker's."""

from collections.abc import Mapping
from typing import Any

import msgspec

from mngr.backends.libvirt import plans
from mngr.backends.libvirt.config import REGION
from mngr.model.records import AgentRecord
from mngr.vms import states
from mngr.vms.guests import Guest
from mngr.vps_docker.primitives import VpsInstanceStatus
from mngr.vps_docker.vps_client import Ended, Machine

#: A paused one goes on when it is started.
_STATES: Mapping[str, VpsInstanceStatus] = {
    states.RUNNING: "running", states.STOPPED: "stopped", states.CRASHED: "stopped", states.PAUSED: "stopped",
    states.SUSPENDED: "stopped", states.STOPPING: "pending",
}  # fmt: skip


def machine(guest: Guest) -> Machine:
    return Machine(
        id=guest.name,
        name=guest.name,
        state=_STATES.get(guest.state, "pending"),
        address=guest.address,
        tags=guest.tags,
        plan=plans.name(guest.memory_mib, guest.vcpus, guest.disk_gib) if guest.ours else "",
        region=REGION,
        created_at=guest.made_at,
        agents=agents(guest.agents),
    )


def ended(guest: Guest) -> Ended | None:
    if guest.off_at is None or not guest.off_by:
        return None
    return Ended(at=guest.off_at, by="itself" if guest.off_by == "itself" else "person")


def agents(note: Any) -> list[AgentRecord] | None:
    """None if these aren't all, or they are damaged."""
    try:
        return msgspec.convert(note, list[AgentRecord]) if note is not None else None
    except msgspec.ValidationError:
        return None
