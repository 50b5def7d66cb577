"""What a VPS's record says while its machine is delivered, installed anew, goes on and off, and ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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


def deliver(state: State, vps: Vps, due: float, faults: Mapping[str, Fault]) -> None:
    """Boot the machine of an order at that moment, and only then let the order name it."""

    def spec() -> MachineSpec | None:
        return _spec(state, vps, None) if vps.name in state.ordered else None

    def on(address: str) -> bool:
        with state.core.lock:
            ordered = state.ordered.get(vps.name)
            if ordered is None:
                return False
            now = state.now()
            state.vps.put(vps.name, replace(ordered, delivered=now, address=address))
            del state.ordered[vps.name]
            state.tell_names()
            tasks.begin(state, vps.name, "deliverVm", now + state.behaviour.deliver_task_s)
        return True

    def up() -> None:
        state.change(vps.name, power="running")

    state.machines.boot(vps.name, due, faults, spec=spec, on=on, up=up)


def rebuild(state: State, vps: Vps, image: str, key: str, faults: Mapping[str, Fault]) -> Task:
    """A new disk with a new host key, at the same address. Until then the old system runs on."""
    task = tasks.begin(state, vps.name, "reinstallVm")
    state.change(vps.name, power="installing")

    def spec() -> MachineSpec | None:
        current = state.vps.get(vps.name)
        if current is not None and "task_error" in faults:
            state.change(vps.name, power=vps.power)
            tasks.end(state, task, "error")
            return None
        return _spec(state, replace(current, image=image), key) if current else None

    def on(address: str) -> None:
        state.change(vps.name, image=image, machine=True, address=address)

    def up() -> None:
        state.change(vps.name, power="running")
        tasks.end(state, task)

    due = task.created + state.behaviour.rebuild_s
    state.machines.boot(vps.name, due, faults, spec=spec, on=on, up=up, anew=True)
    return task


def switch(state: State, vps: Vps, type: str, meanwhile: str, then: str, act: Callable[[str], None]) -> Task:
    """Start, stop or reboot, as a task."""
    task = tasks.begin(state, vps.name, type)
    state.change(vps.name, power=meanwhile)

    def done() -> None:
        state.change(vps.name, power=then)
        tasks.end(state, task)

    state.machines.switch(vps.name, _if_any(vps, act), done, task.created + state.behaviour.power_s)
    return task


def suspend(state: State, vps: Vps) -> None:
    """Switched off for want of payment."""

    def done() -> None:
        state.change(vps.name, power="stopped")

    state.machines.switch(vps.name, _if_any(vps, state.core.machines.halt), done)


def power_changed(state: State, name: str, running: bool) -> None:
    """While a task goes on, the task says what the VPS does."""
    vps = state.vps.get(name)
    if vps is not None and vps.power in ("running", "stopped"):
        state.change(name, power="running" if running else "stopped")


def _if_any(vps: Vps, act: Callable[[str], None]) -> Callable[[str], None]:
    return act if vps.machine else lambda name: None


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
