"""`POST /instances` (operation `create-instance`)."""

from __future__ import annotations

import secrets
import uuid
from typing import Any

from mngr.simcloud.bill import Hourly
from mngr.simcloud.http import Request, Response
from mngr.simcloud.vultr import body as read
from mngr.simcloud.vultr import machine
from mngr.simcloud.vultr.catalog import IMAGES, MARKETPLACE, PLANS, REGIONS, SYSTEMS, Plan
from mngr.simcloud.vultr.errors import ApiError
from mngr.simcloud.vultr.records import Instance
from mngr.simcloud.vultr.state import State

ONE_OF = ("os_id", "iso_id", "snapshot_id", "app_id", "image_id")
NOT_SOLD = ("iso_id", "app_id", "ipxe_chain_url", "script_id", "reserved_ipv4", "block_devices")


def create(state: State, request: Request, body: dict[str, Any]) -> Response:
    """Take the order, open its bill, and let its machine be built. There is no idempotency key."""
    plan = _plan(body)
    os_id, image_id, snapshot_id = _source(state, body)
    now = state.core.clock.now()
    instance = Instance(
        id=str(uuid.uuid4()),
        created=now,
        region=body["region"],
        plan=plan.id,
        os_id=os_id,
        image_id=image_id,
        snapshot_id=snapshot_id,
        label=read.text(body, "label"),
        hostname=read.text(body, "hostname") or "vultr",
        tags=read.texts(body, "tags") or tuple(filter(None, [read.text(body, "tag")])),
        user_data=read.user_data(body),
        ssh_keys=_ssh_keys(state, body),
        enable_ipv6=bool(body.get("enable_ipv6")),
        password=secrets.token_urlsafe(12),
        firewall_group_id=read.text(body, "firewall_group_id"),
        user_scheme=read.text(body, "user_scheme") or "root",
    )
    state.instances.put(instance.id, instance)
    rate = Hourly(plan.hourly_cost, plan.monthly_cost)
    state.core.bill.open(instance.id, "instance", instance.label, instance.tags, rate)
    machine.deliver(state, instance, request.faults)
    return Response(202, {"instance": instance.view(now)})


def _plan(body: dict[str, Any]) -> Plan:
    region, name = read.text(body, "region", required=True), read.text(body, "plan", required=True)
    if region not in REGIONS:
        raise ApiError(400, "Invalid region chosen.")
    plan = PLANS.get(name)
    if plan is None:
        raise ApiError(400, "Invalid plan chosen.")
    if region not in plan.locations:
        raise ApiError(400, "Plan is not available in the selected region.")
    return plan


def _source(state: State, body: dict[str, Any]) -> tuple[int, str, str]:
    """What the disk starts as: (os_id, image_id, snapshot_id). Exactly one must be asked for."""
    asked = [name for name in ONE_OF if body.get(name)]
    if len(asked) != 1:
        raise ApiError(400, f"Exactly one of {', '.join(ONE_OF)} is required.")
    for name in NOT_SOLD:
        if body.get(name):
            raise ApiError(400, f"This simulated Vultr has no {name}.")
    if asked[0] == "snapshot_id":
        snapshot = state.snapshots.get(read.text(body, "snapshot_id"))
        if snapshot is None or snapshot.status != "complete":
            raise ApiError(400, "Invalid snapshot chosen.")
        return 164, "", snapshot.id
    if asked[0] == "image_id":
        if body["image_id"] not in MARKETPLACE:
            raise ApiError(400, "Invalid image_id.")
        return 186, body["image_id"], ""
    os_id = read.number(body, "os_id")
    if os_id not in SYSTEMS:
        raise ApiError(400, "Invalid OS chosen.")
    if os_id not in IMAGES:
        raise ApiError(
            400, f"This simulated Vultr boots only Debian 12 (os_id {', '.join(map(str, IMAGES))})."
        )
    return os_id, "", ""


def _ssh_keys(state: State, body: dict[str, Any]) -> tuple[str, ...]:
    """The public keys to install, as they are at this moment."""
    found = []
    for id in read.texts(body, "sshkey_id"):
        key = state.ssh_keys.get(id)
        if key is None:
            raise ApiError(400, "Invalid SSH key ID.")
        found.append(key.ssh_key)
    return tuple(found)
