"""User data: what a machine is told before its first boot. https://cloudinit.readthedocs.io/en/latest/reference/modules.html

It is built as data and written as JSON, which is YAML too, so that nothing is ever pasted into YAML. Anyone with
read access to the account can read user data: it carries no secret but the machine's first SSH host key, which
host_key.py replaces over the first connection.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from mngr.hosts import scripts

BOOT_SCRIPT = "/var/lib/mngr/boot/machine-boot.sh"
#: Most clouds take 16 to 64 KiB of user data. Ours is far below; checked so that it stays so.
MAX_BYTES = 16_000


def user_data(
    *,
    host_private_key: str,
    host_public_key: str,
    authorized_keys: Sequence[str],
    guard: Mapping[str, str] | None = None,
    first_commands: Sequence[Sequence[str]] = (),
) -> str:
    """The `#cloud-config` of a machine that shows the given host key and lets root in with `authorized_keys`.

    `guard`: the guard's files (guard.files) when the host has a lifetime cap: its timer then runs before
    anything else is tried, so that a machine whose set-up hangs is capped too. `first_commands`: argvs, run before all.
    """
    files = {BOOT_SCRIPT: scripts.text("machine-boot"), **(guard or {})}
    config: dict[str, Any] = {
        # The host key: only ours, from the first moment that sshd runs.
        "ssh_deletekeys": True,
        "ssh_keys": {"ed25519_private": host_private_key, "ed25519_public": host_public_key},
        "ssh_pwauth": False,
        # Without this, root's key gets a forced command that says to log in as somebody else.
        "disable_root": False,
        "users": [],
        "ssh_authorized_keys": list(authorized_keys),
        "write_files": [
            {"path": path, "owner": "root:root", "permissions": "0600", "content": text}
            for path, text in files.items()
        ],
        # cloud-init joins these to one script without `set -e`: each line is tried whatever came of the last.
        "runcmd": [
            *map(list, first_commands),
            *([["systemctl", "enable", "--now", "mngr-guard.timer"]] if guard else []),
            ["sh", BOOT_SCRIPT],
        ],
    }
    text = "#cloud-config\n" + json.dumps(config, indent=0)
    if len(text.encode()) > MAX_BYTES:
        raise ValueError(f"user data has {len(text.encode())} bytes, more than {MAX_BYTES}")
    return text
