"""What `mngr ovh list` shows, and what `mngr ovh adopt` may take in."""

from typing import Any

from mngr.backends.ovh.cloud import OvhCloud
from mngr.backends.ovh.tags import CLAIM, RECYCLING_BY
from mngr.backends.ovh.vps import PARALLEL, Vps
from mngr.model.background import each
from mngr.model.errors import Conflict, MngrError
from mngr.vps_docker import tags


def rows(cloud: OvhCloud, everything: bool) -> tuple[list[dict[str, Any]], list[str]]:
    """One row a VPS (mngr's own, or all), and with `everything` one an order under way; and what couldn't be read."""
    found: list[dict[str, Any]] = []
    problems: list[str] = []
    now = cloud.now()
    listed = cloud.parts.store.rows()
    names = [name for name, its in listed if everything or any(key.startswith("mngr-") for key in its)]

    def read(name: str) -> list[dict[str, Any]]:
        try:
            return [_row(vps, now) for vps in cloud.parts.reader.read_all([name], patiently=False)]
        except MngrError as error:  # part of the truth beats none
            problems.append(f"{name}: {error.message}")
            return []

    found += [row for rows in each(read, names, PARALLEL) for row in rows]
    if everything:
        for marker in cloud.parts.markers.all():
            found.append(
                {
                    "service": "(pending)", "plan": marker.plan_code, "datacenter": marker.region, "state": cloud.order_state(marker).partition(":")[0],
                    "expiration": "", "cancelled": None, "renews": None, "use": marker.what, "tags": {},
                }
            )  # fmt: skip
        problems += [f"{one.path} can't be read: {one.why}" for one in cloud.parts.markers.broken()]
    return found, problems


def _row(vps: Vps, now: float) -> dict[str, Any]:
    return {
        "service": vps.name,
        "plan": vps.plan,
        "datacenter": vps.datacenter,
        "state": vps.state,
        "expiration": vps.renewal.expiration,
        "cancelled": vps.renewal.cancelled,
        "renews": vps.renewal.renews,
        "use": _use(vps, now),
        "tags": dict(sorted(vps.tags.items())),
    }


def _use(vps: Vps, now: float) -> str:
    owner = tags.read(vps.tags)
    if not owner.provider:
        return "not mngr's"
    if owner.ready:
        return f"host {owner.host_name or owner.host_id}" + (", ends" if vps.renewal.cancelled else "")
    if RECYCLING_BY in vps.tags or any(key.startswith(CLAIM) for key in vps.tags):
        return "being recycled"
    if vps.released(now):
        return "waits to be recycled"
    if owner.until is None:  # an adoption that was cut short, or a write that came too late
        return f"nobody's, and renews: `mngr ovh adopt {vps.name}`"
    return "being built" if not owner.abandoned(now) else "left over: `mngr gc`"


def adoptable(cloud: OvhCloud, provider: str, service: str) -> Vps:
    """Raises NotFound, or Conflict if it is somebody's."""
    vps = cloud.parts.reader.read(service)
    owner = tags.read(vps.tags)
    if owner.ready:
        raise Conflict(
            f"{service} carries host {owner.host_name or owner.host_id}", hint="`mngr destroy` gives it free"
        )
    if owner.until is not None and not owner.abandoned(cloud.now()):
        raise Conflict(f"{service} is being built by {owner.builder}", hint="wait for it to end")
    if owner.provider and owner.provider != provider:
        raise Conflict(
            f"{service} is of provider instance {owner.provider}",
            hint=f"mngr ovh adopt --provider {owner.provider}",
        )
    return vps
