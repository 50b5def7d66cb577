"""Switching VMs on and off. Each may be repeated."""

from __future__ import annotations

from typing import Any

from mngr.model.errors import Conflict, MngrError, TimedOut
from mngr.model.waiting import looks
from mngr.vms import domain as xml
from mngr.vms import inject, library, states
from mngr.vms.hypervisor import Hypervisor

PRESS_AGAIN_S = 10.0
"""A guest that is still booting misses the power button."""


class PortTaken(Conflict):
    """The port that leads to a VM's SSH is in use."""


def start(hypervisor: Hypervisor, name: str) -> bool:
    """Switches a VM on, or lets a paused one go on; False if it was running. Raises NotFound, Conflict."""
    domain = hypervisor.get(name)
    switch_on = {
        states.PAUSED: lambda: domain.resume(),
        states.SUSPENDED: lambda: domain.pMWakeup(),
        states.STOPPED: lambda: domain.create(),
        states.CRASHED: lambda: domain.create(),
    }
    state = states.of(domain)
    if state == states.RUNNING:
        return False
    if state not in switch_on:
        raise Conflict(f"VM {name} is {state}", hint="run this again when it has stopped")
    if state in states.OFF:
        inject.settle(hypervisor, domain)
    started(hypervisor, domain, switch_on[state])
    return True


def started(hypervisor: Hypervisor, domain: Any, switch_on: Any, doing: str = "start") -> None:
    """Switches on; where that fails QEMU's own words are in the error. A VM that runs by somebody else's start will do, but
    not where we are `doing` something else. Raises PortTaken, MngrError."""
    libvirt, name = hypervisor.libvirt, domain.name()
    try:
        switch_on()
    except libvirt.libvirtError as error:
        invalid = library.code(error) == libvirt.VIR_ERR_OPERATION_INVALID
        if doing == "start" and invalid and states.of(domain) == states.RUNNING:
            return  # somebody else was faster
        if "host forwarding" in str(error):
            with library.doing(f"read VM {name}"):
                facts = xml.read(domain.XMLDesc())
            pairs = facts.spec.forwards if facts.spec else ()
            ports = [here for here, _ in pairs] or [facts.port]
            which = (
                f"port {ports[0]}" if len(ports) == 1 else f"one of the ports {', '.join(map(str, ports))}"
            )
            raise PortTaken(
                f"{which} of {facts.address}, which leads to VM {name}, is in use by another program",
                hint=f"`ss -ltnp src {facts.address}` says which; end it, and start the VM again",
            ) from None
        raise library.told(error, f"{doing} VM {name}") from None


def stop(hypervisor: Hypervisor, name: str, limit_s: float, force: bool = False) -> bool:
    """Asks the guest to shut down, and waits so long until it has; then pulls the plug if `force`. False if it was off.

    Raises NotFound; Conflict for one that can't hear it; TimedOut, and then it may still shut down later.
    """
    domain = hypervisor.get(name)
    state = states.of(domain)
    if state in states.OFF:
        return False
    if state in (states.PAUSED, states.SUSPENDED) and not force:
        raise Conflict(
            f"VM {name} is {state}, and hears of no shutdown",
            hint=f"`mngr vm start {name}` lets it go on; `mngr vm stop --force {name}` pulls its plug",
        )
    if state in (states.RUNNING, states.STOPPING) and _shut_down(hypervisor, domain, name, limit_s):
        return True
    if not force:
        raise TimedOut(
            f"VM {name} didn't shut down within {limit_s:g} s",
            hint=f"it may still do; `mngr vm stop --force {name}` pulls its plug after that time",
        )
    try:
        domain.destroy()
    except hypervisor.libvirt.libvirtError as error:
        if states.of(domain) not in states.OFF:
            raise library.told(error, f"end VM {name}") from None
    return True


def _shut_down(hypervisor: Hypervisor, domain: Any, name: str, limit_s: float) -> bool:
    pressed_at = float("-inf")
    clock, libvirt = hypervisor.clock, hypervisor.libvirt
    for _ in looks(clock, limit_s):
        try:
            if clock.monotonic() - pressed_at >= PRESS_AGAIN_S:
                domain.shutdown()
                pressed_at = clock.monotonic()
        except libvirt.libvirtError as error:
            if not _off(hypervisor, domain):
                raise library.told(error, f"shut down VM {name}") from None
        if _off(hypervisor, domain):
            return True
    return False


def _off(hypervisor: Hypervisor, domain: Any) -> bool:
    """Also one that was undefined meanwhile, and went with its end."""
    try:
        return states.of(domain) in states.OFF
    except MngrError:
        return hypervisor.find_by_uuid(domain.UUIDString()) is None
