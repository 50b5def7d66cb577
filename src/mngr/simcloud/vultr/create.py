"""`POST /instances` (operation `create-instance`)."""

from __future__ import annotations

import secrets
import uuid
from typing import Any

from mngr.simcloud.bill import Hourly
from mngr.simcloud.call import Call
from mngr.simcloud.vultr import machine, snapshots
from mngr.simcloud.vultr.catalog import IMAGES, MARKETPLACE, PLANS, REGIONS, SYSTEMS, Plan
from mngr.simcloud.vultr.records import Instance
from mngr.simcloud.vultr.state import State
from mngr.simcloud.vultr.words import bad, tags, user_data

ONE_OF = ("os_id", "iso_id", "snapshot_id", "app_id", "image_id")
NOT_SOLD = ("iso_id", "app_id", "ipxe_chain_url", "script_id", "reserved_ipv4", "block_devices")


def create(state: State, call: Call) -> dict[str, Any]:
    """Take the order, open its bill, and let its machine be built. There is no idempotency key."""
    plan = _plan(call)
    os_id, image_id, snapshot_id = _source(state, call)
    now = state.now()
    instance = Instance(
        id=str(uuid.uuid4()),
        created=now,
        region=call.text("region"),
        plan=plan.id,
        os_id=os_id,
        image_id=image_id,
        snapshot_id=snapshot_id,
        label=call.text("label"),
        hostname=call.text("hostname") or "vultr",
        tags=tags(call) or (),
        user_data=user_data(call),
        ssh_keys=_ssh_keys(state, call),
        enable_ipv6=bool(call.body.get("enable_ipv6")),
        password=secrets.token_urlsafe(12),
        firewall_group_id=call.text("firewall_group_id"),
        user_scheme=call.text("user_scheme") or "root",
    )
    state.instances.put(instance.id, instance)
    rate = Hourly(plan.hourly_cost, plan.monthly_cost)
    state.core.bill.open(instance.id, "instance", instance.label, instance.tags, rate)
    machine.deliver(state, instance, call.request.faults)
    return {"instance": instance.view(now)}


def _plan(call: Call) -> Plan:
    region, name = call.text("region", required=True), call.text("plan", required=True)
    if region not in REGIONS:
        raise bad("Invalid region chosen.")
    plan = PLANS.get(name)
    if plan is None:
        raise bad("Invalid plan chosen.")
    if region not in plan.locations:
        raise bad("Plan is not available in the selected region.")
    return plan


def _source(state: State, call: Call) -> tuple[int, str, str]:
    """What the disk starts as: (os_id, image_id, snapshot_id). Exactly one must be asked for."""
    asked = [name for name in ONE_OF if call.body.get(name)]
    if len(asked) != 1:
        raise bad(f"Exactly one of {', '.join(ONE_OF)} is required.")
    for name in NOT_SOLD:
        if call.body.get(name):
            raise bad(f"This simulated Vultr has no {name}.")
    if asked[0] == "snapshot_id":
        return 164, "", snapshots.complete(state, call.text("snapshot_id")).id
    if asked[0] == "image_id":
        if call.body["image_id"] not in MARKETPLACE:
            raise bad("Invalid image_id.")
        return 186, call.body["image_id"], ""
    os_id = _os_id(call)
    if os_id not in SYSTEMS:
        raise bad("Invalid OS chosen.")
    if os_id not in IMAGES:
        known = ", ".join(map(str, IMAGES))
        raise bad(f"This simulated Vultr boots only Debian 12 (os_id {known}).")
    return os_id, "", ""


def _os_id(call: Call) -> int:
    """Digits in a string will do."""
    given = call.body["os_id"]
    return int(given) if isinstance(given, str) and given.isdigit() else call.integer("os_id")


def _ssh_keys(state: State, call: Call) -> tuple[str, ...]:
    """The public keys to install, as they are at this moment."""
    found = []
    for id in call.texts("sshkey_id"):
        key = state.ssh_keys.get(id)
        if key is None:
            raise bad("Invalid SSH key ID.")
        found.append(key.ssh_key)
    return tuple(found)
