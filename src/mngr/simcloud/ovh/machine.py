"""What happens behind a VPS: its machine is delivered, installed anew, goes on and off, and ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from mngr.qemu.command import Size
from mngr.simcloud.faults import Fault
from mngr.simcloud.machines.base import MachineSpec
from mngr.simcloud.ovh import tasks
from mngr.simcloud.ovh.catalog import IMAGES, PLANS
from mngr.simcloud.ovh.records import Task, Vps
from mngr.simcloud.ovh.state import State

KEY_FOR_ROOT = b"#cloud-config\ndisable_root: false\n"


def deliver(state: State, vps: Vps, due: float, faults: dict[str, Fault]) -> None:
    """Boot the machine of an order at that moment, and only then let the order name it."""
    core = state.core
    if slow := faults.get("slow_boot"):
        due += slow.delay_s

    def job() -> None:
        if not core.clock.wait_until(due, core.jobs.stopping):
            return
        if "boot_never" in faults or vps.name not in state.ordered:
            return
        address = core.machines.boot(_spec(state, vps, None), core.jobs.stopping)
        with core.lock:
            ordered = state.ordered.pop(vps.name, None)
            if ordered is not None:
                now = state.now()
                state.vps.put(vps.name, replace(ordered, delivered=now, address=address))
                state.tell_names()
                tasks.begin(state, vps.name, "deliverVm", now + state.behaviour.deliver_task_s)
        if ordered is None:
            core.machines.destroy(vps.name)
            return
        core.machines.ready(vps.name, core.jobs.stopping)
        state.change(vps.name, power="running")

    core.jobs.submit(vps.name, job)


def rebuild(state: State, vps: Vps, image: str, key: str, faults: dict[str, Fault]) -> Task:
    """A new disk with a new host key, at the same address. Until then the old system runs on."""
    core = state.core
    task = tasks.begin(state, vps.name, "reinstallVm")
    due = task.created + state.behaviour.rebuild_s
    if slow := faults.get("slow_boot"):
        due += slow.delay_s
    before = vps.power
    state.change(vps.name, power="installing")

    def job() -> None:
        if not core.clock.wait_until(due, core.jobs.stopping):
            return
        current = state.vps.get(vps.name)
        if current is None or "boot_never" in faults:
            return
        if "task_error" in faults:
            state.change(vps.name, power=before)
            tasks.end(state, task, "error")
            return
        core.machines.destroy(vps.name)
        spec = _spec(state, replace(current, image=image), key)
        address = core.machines.boot(spec, core.jobs.stopping)
        state.change(vps.name, image=image, machine=True, address=address)
        core.machines.ready(vps.name, core.jobs.stopping)
        state.change(vps.name, power="running")
        tasks.end(state, task)

    core.jobs.submit(vps.name, job)
    return task


def switch(state: State, vps: Vps, type: str, meanwhile: str, then: str, act: Callable[[str], None]) -> Task:
    """Start, stop or reboot, as a task."""
    core = state.core
    task = tasks.begin(state, vps.name, type)
    due = task.created + state.behaviour.power_s
    state.change(vps.name, power=meanwhile)

    def job() -> None:
        if vps.machine:
            act(vps.name)
        if core.clock.wait_until(due, core.jobs.stopping):
            state.change(vps.name, power=then)
            tasks.end(state, task)

    core.jobs.submit(vps.name, job)
    return task


def suspend(state: State, vps: Vps) -> None:
    """Switched off for want of payment."""

    def job() -> None:
        if vps.machine:
            state.core.machines.halt(vps.name)
        state.change(vps.name, power="stopped")

    state.core.jobs.submit(vps.name, job)


def end(state: State, name: str) -> None:
    state.core.jobs.submit(name, lambda: state.core.machines.destroy(name))


def power_changed(state: State, name: str, running: bool) -> None:
    """The machine went off or on from inside."""
    vps = state.vps.get(name)
    if vps is not None and vps.power in ("running", "stopped"):
        state.change(name, power="running" if running else "stopped")


def _spec(state: State, vps: Vps, key: str | None) -> MachineSpec:
    """Without a rebuild's key nobody is let in: the password would have gone to the owner by mail."""
    more: dict[str, Any] = {"user_data": KEY_FOR_ROOT} if state.behaviour.key_for_root else {}
    plan = PLANS[vps.plan]
    return MachineSpec(
        id=vps.name,
        hostname=vps.name.split(".")[0],
        image=IMAGES.get(vps.image, "stock"),
        ssh_keys=(key,) if key else (),
        address=vps.address if vps.machine else "",
        size=Size(plan.vcore, plan.memory, plan.disk),
        **more,
    )
