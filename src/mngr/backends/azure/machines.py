"""Azure's JSON of VMs as our plain data."""

from collections.abc import Iterable, Mapping
from typing import Any

from mngr.model.clock import from_iso
from mngr.vps_docker.errors import VpsApiUnreadable
from mngr.vps_docker.primitives import VpsInstanceStatus
from mngr.vps_docker.vps_client import Machine

_POWER: dict[str, VpsInstanceStatus] = {
    "running": "running",
    "deallocated": "stopped",
    "stopped": "halted",
    "starting": "pending",
    "stopping": "pending",
    "deallocating": "pending",
}


def machine(row: Mapping[str, Any], statuses: Iterable[Mapping[str, Any]], address: str) -> Machine:
    """A VM. `statuses`: its instance view's. Raises Unreadable if it has no name."""
    from mngr.backends.azure import agent_tags

    name = row.get("name")
    if not isinstance(name, str) or not name:
        raise VpsApiUnreadable("Azure shows a VM without a name")
    properties = row.get("properties") or {}
    return Machine(
        id=name,
        name=name,
        state=state(properties, statuses),
        address=address,
        tags=dict(row.get("tags") or {}),
        plan=(properties.get("hardwareProfile") or {}).get("vmSize") or "",
        region=row.get("location") or "",
        created_at=_time(properties.get("timeCreated")),
        agents=agent_tags.whole(row.get("tags") or {}),
        agents_shortened=agent_tags.shortened(row.get("tags") or {}),
        spot=properties.get("priority") in ("Spot", "Low"),
    )


def leftover(name: str, row: Mapping[str, Any]) -> Machine:
    """The machine of which only an address or a disk is there: of an order under way, or of one that failed."""
    return Machine(
        id=name, name=name, state="failed", tags=dict(row.get("tags") or {}), region=row.get("location") or ""
    )


def statuses_of(row: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return ((row.get("properties") or {}).get("instanceView") or {}).get("statuses") or []


def power(statuses: Iterable[Mapping[str, Any]]) -> str:
    """`running`, `deallocated`, `stopped` (by its own system, which is billed on) …; "" if Azure doesn't say."""
    codes = [str(one.get("code", "")) for one in statuses]
    found = [code.partition("/")[2] for code in codes if code.startswith("PowerState/")]
    return found[0].lower() if found else ""


def state(properties: Mapping[str, Any], statuses: Iterable[Mapping[str, Any]]) -> VpsInstanceStatus:
    """As it is powered: the last operation may have failed on a machine that is well (a start without capacity)."""
    found = power(statuses)
    if not found and str(properties.get("provisioningState", "")).lower() in ("failed", "canceled"):
        return "failed"
    return _POWER.get(found, "pending")


def failure(statuses: Iterable[Mapping[str, Any]]) -> tuple[str, str]:
    """(code, message) of why a VM's last operation failed; ("", "") if that isn't said."""
    for one in statuses:
        parts = str(one.get("code", "")).split("/")
        if parts[0] == "ProvisioningState" and len(parts) > 1 and parts[1].lower() == "failed":
            return parts[2] if len(parts) > 2 else "", str(one.get("message") or "")
    return "", ""


def _time(text: Any) -> float | None:
    try:
        return from_iso(text)
    except (TypeError, ValueError):
        return None
