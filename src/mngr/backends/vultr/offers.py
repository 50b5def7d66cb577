"""What Vultr sells, where, and for how much: plans, regions, systems, snapshots. Reading costs nothing."""

import difflib
from collections.abc import Callable, Iterable
from typing import Any

from mngr.backends.vultr.client import VultrClient
from mngr.model.errors import InvalidInput, NotFound
from mngr.model.views import Offer
from mngr.vps_docker.http import segment
from mngr.vps_docker.vps_client import MachineSpec


def check(client: VultrClient, spec: MachineSpec, read: Callable[[list[str]], None]) -> Offer:
    """The price of `spec`, as of now; `read` is told the names of all plans. Raises InvalidInput naming the valid plans, regions or systems; Unreadable."""
    regions = [str(row["id"]) for row in client.pages("/regions", "regions")]
    if spec.region not in regions:
        raise _unknown("region", spec.region, regions, "--vps-region")
    plan = _plan(client, spec.plan, spec.region, read)
    image = _image(client, spec)
    hourly, monthly = _prices(plan, spec.region)
    return Offer(
        plan=spec.plan, region=spec.region, image=image, per_hour=hourly, per_month=monthly, cpus=plan.get("vcpu_count"),
        memory_gb=plan["ram"] / 1024 if plan.get("ram") else None, disk_gb=plan.get("disk"),
    )  # fmt: skip


def _plan(
    client: VultrClient, plan_id: str, region: str, read: Callable[[list[str]], None]
) -> dict[str, Any]:
    plans = {str(row["id"]): row for row in client.pages("/plans", "plans")}
    read(list(plans))
    if plan_id not in plans:
        here = [id for id, row in plans.items() if region in (row.get("locations") or [])]
        raise _unknown("plan", plan_id, here or plans, "--vps-plan")
    plan = plans[plan_id]
    locations = [str(one) for one in plan.get("locations") or []]
    if region not in locations:
        where = ", ".join(locations) if locations else "no region at the moment"
        raise InvalidInput(
            f"Vultr has no {plan_id} in {region}",
            hint=f"it is to be had in: {where}; or choose another plan with -b --vps-plan=…",
        )
    return plan


def _image(client: VultrClient, spec: MachineSpec) -> str:
    """What the machine boots, in words."""
    if spec.options.get("snapshot_id"):
        return _snapshot(client, spec.options["snapshot_id"])
    if spec.options.get("image_id"):
        return f"image {spec.options['image_id']}"
    systems = {str(row["id"]): row for row in client.pages("/os", "os")}
    if spec.image not in systems:
        fit = [
            f"{id} ({row.get('name')})"
            for id, row in systems.items()
            if row.get("family") in ("debian", "ubuntu") and row.get("arch") == "x64"
        ]
        raise _unknown("os", spec.image, fit or systems, "--vps-os")
    return str(systems[spec.image].get("name") or spec.image)


def _snapshot(client: VultrClient, id: str) -> str:
    try:
        row = client.get(f"/snapshots/{segment(id)}").get("snapshot") or {}
    except NotFound:
        known = [str(row["id"]) for row in client.pages("/snapshots", "snapshots")]
        raise _unknown("snapshot", id, known, "--vps-snapshot") from None
    if row.get("status") != "complete":
        raise InvalidInput(
            f"Vultr's snapshot {id} isn't complete (it is {row.get('status')})", hint="wait until it is"
        )
    return f"snapshot {row.get('description') or id}"


def _prices(plan: dict[str, Any], region: str) -> tuple[float | None, float | None]:
    """(per hour, per month) in USD; `location_cost` holds what differs by region."""
    here = (plan.get("location_cost") or {}).get(region) or {}
    hourly = here.get("hourly_cost", plan.get("hourly_cost"))
    return hourly, here.get("monthly_cost", plan.get("monthly_cost"))


def _unknown(what: str, given: str, valid: Iterable[str], option: str) -> InvalidInput:
    names = list(valid)
    near = difflib.get_close_matches(given, names, n=1, cutoff=0.6)
    listed = ", ".join(names) if names else "none"
    guess = f"did you mean {near[0]}? " if near else ""
    return InvalidInput(
        f"Vultr knows no {what} {given!r}", hint=f"{guess}choose with -b {option}=…; valid: {listed}"
    )
