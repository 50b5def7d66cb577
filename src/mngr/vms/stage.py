"""How far cloud-init has come in a VM that boots, where a guest agent tells it.

The agent's calls: https://qemu.readthedocs.io/en/latest/interop/qemu-ga-ref.html
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

from mngr.vms import library
from mngr.vms.hypervisor import Hypervisor

STATUS = "/run/cloud-init/status.json"
STAGES = ("init-local", "init", "modules-config", "modules-final")
MOST = 64 * 1024
LIMIT_S = 2
"""For each answer. libvirt adds as much at most, to see whether an agent is there at all."""

Call = Callable[[str], str]
"""Asks the agent, in JSON."""


def find(hypervisor: Hypervisor, domain: Any, call: Call | None = None) -> str:
    """One of STAGES, or `done`; "" where nobody tells: without an agent, before cloud-init begins, and without cloud-init. What the
    guest says is never taken as it is."""
    libvirt = hypervisor.libvirt
    try:
        return _stage(json.loads(_read(call or _agent(domain), STATUS)))
    except (ImportError, libvirt.libvirtError, LookupError, ValueError, TypeError, AttributeError):
        return ""


def _agent(domain: Any) -> Call:
    command = library.agent_command()

    return lambda asked: str(command(domain, asked, LIMIT_S, 0))


def _read(call: Call, path: str) -> bytes:
    def ask(verb: str, **arguments: object) -> Any:
        return json.loads(call(json.dumps({"execute": verb, "arguments": arguments})))["return"]

    handle = ask("guest-file-open", path=path, mode="r")
    try:
        return base64.b64decode(ask("guest-file-read", handle=handle, count=MOST)["buf-b64"])
    finally:
        ask("guest-file-close", handle=handle)


def _stage(told: Any) -> str:
    """The one that runs, else the last that has begun."""
    now = told["v1"]
    if now.get("stage") in STAGES:
        return str(now["stage"])
    if now[STAGES[-1]].get("finished"):
        return "done"
    begun = [one for one in STAGES if now[one].get("start")]
    return begun[-1] if begun else ""
