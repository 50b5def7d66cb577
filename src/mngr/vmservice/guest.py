"""Waiting for a VM, and commands in it, over HTTP."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mngr.model.errors import Conflict, TimedOut
from mngr.model.waiting import looks
from mngr.vms import guest_command, look, states
from mngr.vmservice import telling
from mngr.vmservice.service import Service, details
from mngr.vmservice.shapes import Shape, VmDetails, VmName


class VmWait(VmName):
    until: Annotated[
        Literal["ready", "off"], Field(description="ready: its SSH answers; off: it has stopped, or crashed")
    ] = "ready"
    timeout: Annotated[int, Field(ge=1, le=600, description="Seconds to wait")] = 45


class VmExec(VmName):
    command: Annotated[
        str, Field(min_length=1, max_length=64 * 1024, description="A line for sh -c", examples=["uname -r"])
    ]
    timeout: Annotated[
        int, Field(ge=1, le=600, description="Seconds to wait for its end; after that it goes on, unheard")
    ] = 30


class Ended(Shape):
    vm: str
    exitCode: Annotated[int, Field(description="128 and the signal's number where one has ended it")]
    stdout: str
    stderr: str
    cut: Annotated[bool, Field(description="Whether it wrote more than is told here")]


def wait(service: Service, asked: VmWait) -> VmDetails:
    """Raises Conflict, which says why, where it doesn't come to be so in time. (No TimedOut: the service and its hypervisor
    did what they were asked.)"""
    hypervisor = service.settled(asked.name)
    if asked.until == "ready":
        try:
            return details(look.until_reachable(hypervisor, asked.name, asked.timeout, telling.step))
        except TimedOut as error:
            raise Conflict(error.message, hint=error.hint) from None
    state = ""
    for _ in looks(service.clock, asked.timeout):
        now = look.show(hypervisor, asked.name)
        if (state := now.state) in states.OFF:
            return details(now)
    raise Conflict(
        f"VM {asked.name} isn't off after {asked.timeout} s, it is {state}",
        hint="wait again, or stop it with `force`",
    )


def run(service: Service, asked: VmExec) -> Ended:
    done = guest_command.run(service.settled(asked.name), asked.name, asked.command, asked.timeout)
    return Ended(vm=asked.name, exitCode=done.code, stdout=done.stdout, stderr=done.stderr, cut=done.cut)
