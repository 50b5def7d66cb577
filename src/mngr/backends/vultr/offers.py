"""What Vultr sells, where, and for how much: plans, regions, systems, snapshots. Reading costs nothing."""

import difflib
import threading
from collections.abc import Iterable
from typing import Any

from mngr.backends.vultr.client import VultrClient
from mngr.model.errors import InvalidInput, NotFound
from mngr.model.views import Offer
from mngr.vps_docker.http import segment
from mngr.vps_docker.vps_client import MachineSpec


class Offers:
    """The catalog, each list read once a check: prices are of now."""

    def __init__(self, client: VultrClient) -> None:
        self._client = client
        self._lists: dict[str, list[dict[str, Any]]] = {}
        self._lock = threading.Lock()

    def check(self, spec: MachineSpec) -> Offer:
        """The price of `spec`. Raises InvalidInput naming the valid plans, regions or systems; Unreadable."""
        with self._lock:
            self._lists = {}
        regions = [str(row["id"]) for row in self._list("regions")]
        if spec.region not in regions:
            raise _unknown("region", spec.region, regions, "--vps-region")
        plan = self._plan(spec.plan, spec.region)
        image = self._image(spec)
        hourly, monthly = _prices(plan, spec.region)
        return Offer(
            plan=spec.plan,
            region=spec.region,
            image=image,
            per_hour=hourly,
            per_month=monthly,
            cpus=plan.get("vcpu_count"),
            memory_gb=plan["ram"] / 1024 if plan.get("ram") else None,
            disk_gb=plan.get("disk"),
        )

    def _plan(self, plan_id: str, region: str) -> dict[str, Any]:
        plans = {str(row["id"]): row for row in self._list("plans")}
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

    def _image(self, spec: MachineSpec) -> str:
        """What the machine boots, in words."""
        if spec.options.get("snapshot_id"):
            return self._snapshot(spec.options["snapshot_id"])
        if spec.options.get("image_id"):
            return f"image {spec.options['image_id']}"
        systems = {str(row["id"]): row for row in self._list("os")}
        if spec.image not in systems:
            fit = [
                f"{id} ({row.get('name')})"
                for id, row in systems.items()
                if row.get("family") in ("debian", "ubuntu") and row.get("arch") == "x64"
            ]
            raise _unknown("os", spec.image, fit or systems, "--vps-os")
        return str(systems[spec.image].get("name") or spec.image)

    def _snapshot(self, id: str) -> str:
        try:
            row = self._client.get(f"/snapshots/{segment(id)}").get("snapshot") or {}
        except NotFound:
            known = [str(row["id"]) for row in self._client.pages("/snapshots", "snapshots")]
            raise _unknown("snapshot", id, known, "--vps-snapshot") from None
        if row.get("status") != "complete":
            raise InvalidInput(
                f"Vultr's snapshot {id} isn't complete (it is {row.get('status')})", hint="wait until it is"
            )
        return f"snapshot {row.get('description') or id}"

    def _list(self, key: str) -> list[dict[str, Any]]:
        with self._lock:
            if key not in self._lists:
                self._lists[key] = self._client.pages(f"/{key}", key)
            return self._lists[key]


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
