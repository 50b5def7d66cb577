"""A command in a VM, by its guest agent: the one way in that takes neither a network nor a key, and that nobody can stand in between.

https://qemu.readthedocs.io/en/latest/interop/qemu-ga-ref.html
"""

from __future__ import annotations

import base64
import json
from typing import Any

import msgspec

from mngr.model.errors import Conflict, MngrError, TimedOut
from mngr.model.waiting import looks
from mngr.vms import library, states
from mngr.vms.hypervisor import Hypervisor

LIMIT_S = 5
"""For each answer of the agent's."""
MOST = 256 * 1024
"""Bytes of what a command writes that are told."""


class Ended(msgspec.Struct, frozen=True):
    """`code`: 128 and a signal's number where that has ended it. `cut`: it wrote more than is here."""

    code: int
    stdout: str
    stderr: str
    cut: bool


def run(hypervisor: Hypervisor, name: str, line: str, limit_s: float) -> Ended:
    """`sh -c LINE` as root, to its end. Raises NotFound, Conflict where the VM doesn't run or no agent answers in it,
    TimedOut after so many seconds; then it goes on."""
    domain = hypervisor.get(name)
    if (state := states.of(domain)) != states.RUNNING:
        raise Conflict(f"VM {name} is {state}", hint="it has to be started first")
    try:
        command = library.agent_command()
    except ImportError as problem:
        raise MngrError(
            f"libvirt's library isn't whole ({problem})", hint="pip install 'mngr[libvirt]'"
        ) from None

    def ask(verb: str, arguments: dict[str, object]) -> Any:
        try:
            return json.loads(
                command(domain, json.dumps({"execute": verb, "arguments": arguments}), LIMIT_S, 0)
            )["return"]
        except hypervisor.libvirt.libvirtError as error:
            raise Conflict(
                f"the guest agent of VM {name} doesn't do it: {str(error.get_error_message() or error).strip()}",
                hint="it takes qemu-guest-agent in the VM, and one that boots needs a moment; SSH works without",
            ) from None

    try:
        asked = {"path": "/bin/sh", "arg": ["-c", line], "capture-output": True}
        pid = int(ask("guest-exec", asked)["pid"])
        for _ in looks(hypervisor.clock, limit_s, first=0.02):
            told = ask("guest-exec-status", {"pid": pid})
            if told["exited"]:
                return _ended(told)
    except (LookupError, ValueError, TypeError):
        raise MngrError(f"what the guest agent of VM {name} says can't be read") from None
    raise TimedOut(
        f"the command in VM {name} hasn't ended within {limit_s:g} s; it goes on as process {pid} there",
        hint="give it more time, or let it write to a file and run it in the background",
    )


def _ended(told: Any) -> Ended:
    """Raises what it raises where the guest says nonsense."""
    code = int(told["exitcode"]) if "exitcode" in told else 128 + int(told["signal"])
    texts = [base64.b64decode(told.get(key) or "") for key in ("out-data", "err-data")]
    cut = any(len(one) > MOST for one in texts) or bool(
        told.get("out-truncated") or told.get("err-truncated")
    )
    stdout, stderr = (one[:MOST].decode(errors="replace") for one in texts)
    return Ended(code, stdout, stderr, cut)
