"""What an instance's record says while its machine is built, goes on and off, and ends."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import replace

from mngr.qemu.command import Size
from mngr.simcloud.faults import Fault
from mngr.simcloud.machines.base import MachineSpec
from mngr.simcloud.vultr.catalog import IMAGES, MARKETPLACE, PLANS
from mngr.simcloud.vultr.records import Instance
from mngr.simcloud.vultr.state import State


def deliver(state: State, instance: Instance, faults: Mapping[str, Fault]) -> None:
    """Build the machine: server_status goes none, locked, installingbooting, ok."""
    _boot(state, _spec(instance), state.now() + state.delivery_s, faults)


def reinstall(state: State, instance: Instance) -> None:
    """The same instance, bill and address, a new disk."""
    _boot(state, replace(_spec(instance), address=instance.main_ip), 0, {}, anew=True)


def _boot(
    state: State, spec: MachineSpec, due: float, faults: Mapping[str, Fault], *, anew: bool = False
) -> None:
    def begins() -> MachineSpec:
        state.instances.change(spec.id, server_status="locked")
        return spec

    def on(address: str) -> None:
        running = {"status": "active", "power_status": "running", "server_status": "installingbooting"}
        state.instances.change(spec.id, main_ip=address, **running)

    def up() -> None:
        state.instances.change(spec.id, server_status="ok")

    state.machines.boot(spec.id, due, faults, spec=begins, on=on, up=up, anew=anew)


def halt(state: State, id: str) -> None:
    state.machines.switch(id, state.core.machines.halt, lambda: power_changed(state, id, False))


def start(state: State, id: str) -> None:
    state.machines.switch(id, state.core.machines.start, lambda: power_changed(state, id, True))


def reboot(state: State, id: str) -> None:
    state.machines.switch(id, state.core.machines.reboot, lambda: power_changed(state, id, True))


def power_changed(state: State, id: str, running: bool) -> None:
    """A halted instance bills on."""
    state.instances.change(id, power_status="running" if running else "stopped")


def _spec(instance: Instance) -> MachineSpec:
    plan = PLANS[instance.plan]
    return MachineSpec(
        id=instance.id,
        hostname=instance.hostname,
        image=MARKETPLACE.get(instance.image_id) or IMAGES.get(instance.os_id, "stock"),
        disk=instance.snapshot_id or None,
        user_data=base64.b64decode(instance.user_data),
        ssh_keys=instance.ssh_keys,
        root_password=instance.password,
        size=Size(plan.vcpu_count, plan.ram, plan.disk),
    )
