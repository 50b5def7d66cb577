"""What happens behind an instance's record: its machine is built, goes on and off, and ends."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

from mngr.qemu.command import Size
from mngr.simcloud.faults import Fault
from mngr.simcloud.machines.base import MachineSpec
from mngr.simcloud.vultr.catalog import IMAGES, MARKETPLACE, PLANS
from mngr.simcloud.vultr.records import Instance
from mngr.simcloud.vultr.state import State


class Unwanted:
    """Set once the instance is deleted, or the cloud stops: no use waiting for its machine any longer."""

    def __init__(self, state: State, id: str) -> None:
        self._state = state
        self._id = id

    def is_set(self) -> bool:
        return self._state.core.jobs.stopping.is_set() or self._state.instances.get(self._id) is None

    def wait(self, timeout: float) -> bool:
        self._state.core.jobs.stopping.wait(timeout)
        return self.is_set()


def deliver(state: State, instance: Instance, faults: dict[str, Fault]) -> None:
    """Build the machine: server_status goes none, locked, installingbooting, ok."""
    core = state.core
    due = core.clock.now() + state.delivery_s
    if slow := faults.get("slow_boot"):
        due += slow.delay_s
    spec = _spec(instance, faults)

    def job() -> None:
        if not core.clock.wait_until(due, Unwanted(state, instance.id)):
            return
        if "boot_never" in faults:
            change(state, instance.id, server_status="locked")
            return
        _boot(state, spec)

    core.jobs.submit(instance.id, job)


def _boot(state: State, spec: MachineSpec) -> None:
    core = state.core
    change(state, spec.id, server_status="locked")
    unwanted = Unwanted(state, spec.id)
    address = core.machines.boot(spec, unwanted)
    change(
        state,
        spec.id,
        main_ip=address,
        status="active",
        power_status="running",
        server_status="installingbooting",
    )
    core.machines.ready(spec.id, unwanted)
    change(state, spec.id, server_status="ok")


def reinstall(state: State, instance: Instance) -> None:
    """The same instance, bill and address, a new disk."""
    spec = replace(_spec(instance, {}), address=instance.main_ip)

    def job() -> None:
        state.core.machines.destroy(instance.id)
        _boot(state, spec)

    state.core.jobs.submit(instance.id, job)


def halt(state: State, id: str) -> None:
    def job() -> None:
        state.core.machines.halt(id)
        change(state, id, power_status="stopped")

    state.core.jobs.submit(id, job)


def start(state: State, id: str) -> None:
    def job() -> None:
        state.core.machines.start(id)
        change(state, id, power_status="running")

    state.core.jobs.submit(id, job)


def reboot(state: State, id: str) -> None:
    def job() -> None:
        state.core.machines.reboot(id)
        change(state, id, power_status="running")

    state.core.jobs.submit(id, job)


def end(state: State, id: str) -> None:
    state.core.jobs.submit(id, lambda: state.core.machines.destroy(id))


def power_changed(state: State, id: str, running: bool) -> None:
    """The machine went off or on from inside. A halted instance bills on."""
    change(state, id, power_status="running" if running else "stopped")


def change(state: State, id: str, **changes: Any) -> None:
    """Change an instance's record, if it is still there."""
    with state.core.lock:
        instance = state.instances.get(id)
        if instance is not None:
            state.instances.put(id, replace(instance, **changes))


def _spec(instance: Instance, faults: dict[str, Fault]) -> MachineSpec:
    failing = faults.get("cloud_init_fail")
    image = MARKETPLACE.get(instance.image_id) or IMAGES.get(instance.os_id, "stock")
    plan = PLANS[instance.plan]
    return MachineSpec(
        id=instance.id,
        hostname=instance.hostname,
        image=image,
        disk=instance.snapshot_id or None,
        user_data=base64.b64decode(instance.user_data),
        ssh_keys=instance.ssh_keys,
        root_password=instance.password,
        size=Size(plan.vcpu_count, plan.ram, plan.disk),
        refuse_key="refuse_key" in faults,
        cloud_init_fail=(failing.how or "network") if failing else "",
    )
