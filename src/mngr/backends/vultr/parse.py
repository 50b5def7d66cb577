"""Vultr's JSON as our plain data (schemas `instance`, `instance-get`). Its lists of states aren't closed."""

from collections.abc import Iterable, Mapping
from typing import Any

from mngr.model.clock import from_iso
from mngr.vps_docker.errors import VpsApiUnreadable
from mngr.vps_docker.primitives import VpsInstanceStatus
from mngr.vps_docker.vps_client import Machine


def machine(row: Mapping[str, Any]) -> Machine:
    """An instance. Raises Unreadable if it has no id."""
    id = row.get("id")
    if not isinstance(id, str) or not id:
        raise VpsApiUnreadable("Vultr shows an instance without an id")
    address = row.get("main_ip") or ""
    return Machine(
        id=id,
        name=row.get("label") or "",
        state=status(row),
        address="" if address == "0.0.0.0" else address,
        tags=split_tags(row.get("tags") or []),
        plan=row.get("plan") or "",
        region=row.get("region") or "",
        created_at=_time(row.get("date_created")),
    )


def status(row: Mapping[str, Any]) -> VpsInstanceStatus:
    """From `status` (active, pending, suspended, resizing, …) and `power_status` (running, stopped)."""
    subscription = row.get("status")
    if subscription == "suspended":
        return "failed"
    if subscription != "active" or (row.get("main_ip") or "0.0.0.0") == "0.0.0.0":
        return "pending"
    return "running" if row.get("power_status") == "running" else "stopped"


def split_tags(rows: Iterable[str]) -> dict[str, str]:
    """Vultr's tags are plain strings; ours are `key=value`. Others aren't ours."""
    pairs = (row.partition("=") for row in rows)
    return {key: value for key, equals, value in pairs if equals}


def join_tags(tags: Mapping[str, str]) -> list[str]:
    return [f"{key}={value}" for key, value in tags.items()]


def _time(text: Any) -> float | None:
    try:
        return from_iso(text)
    except (TypeError, ValueError):
        return None
