"""QEMU's guest agent in a VM, if it has one: keys at once, without a boot. https://qemu.readthedocs.io/en/latest/interop/qemu-ga-ref.html"""

from __future__ import annotations

import base64
import json
from typing import Any

from mngr.vms import in_guest, library
from mngr.vms.hypervisor import Hypervisor

LIMIT_S = 5
"""For each answer. libvirt adds as much at most, to see whether an agent is there at all."""
MOST = 256 * 1024


def authorize(hypervisor: Hypervisor, domain: Any, user: str, key: str, present: bool) -> str:
    """Adds the key to those of a user, or takes it away. Empty if that is done, else why it isn't."""
    libvirt = hypervisor.libvirt
    if not hasattr(domain, "authorizedSSHKeysSet"):
        return "this libvirt has no call for it"
    flag = (
        libvirt.VIR_DOMAIN_AUTHORIZED_SSH_KEYS_SET_APPEND
        if present
        else libvirt.VIR_DOMAIN_AUTHORIZED_SSH_KEYS_SET_REMOVE
    )
    try:
        domain.agentSetResponseTimeout(LIMIT_S)
        domain.authorizedSSHKeysSet(user, [key], flag)
    except libvirt.libvirtError as error:
        return str(error.get_error_message() or error).strip()
    return ""


def default_user(hypervisor: Hypervisor, domain: Any) -> tuple[str, str]:
    """Whom cloud-init gave the first keys, as `in_guest.py` has noted; or "" and why that isn't known."""
    try:
        command = library.agent_command()
    except ImportError as problem:
        return "", f"libvirt's library isn't whole ({problem})"

    def call(verb: str, **arguments: object) -> Any:
        asked = json.dumps({"execute": verb, "arguments": arguments})
        return json.loads(command(domain, asked, LIMIT_S, 0))["return"]

    try:
        handle = call("guest-file-open", path=in_guest.STATE, mode="r")
        try:
            told = call("guest-file-read", handle=handle, count=MOST)
        finally:
            call("guest-file-close", handle=handle)
        return str(json.loads(base64.b64decode(told["buf-b64"]))["user"]), ""
    except hypervisor.libvirt.libvirtError as error:
        return "", str(error.get_error_message() or error).strip()
    except (LookupError, ValueError, TypeError):
        return "", "the guest hasn't noted who its user is"
