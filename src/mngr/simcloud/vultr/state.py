"""What this Vultr account holds."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from mngr.simcloud.cloud import Account
from mngr.simcloud.life import Life
from mngr.simcloud.table import Table
from mngr.simcloud.vultr.records import Instance, Snapshot, SshKey


@dataclass
class State(Account):
    api_key: str = field(default_factory=lambda: secrets.token_hex(18).upper())
    delivery_s: float = 0.0
    """How long an instance stays pending before its machine starts to boot, by the cloud's clock."""
    instances: Table[Instance] = field(init=False)
    snapshots: Table[Snapshot] = field(init=False)
    ssh_keys: Table[SshKey] = field(init=False)
    machines: Life = field(init=False)

    def __post_init__(self) -> None:
        self.instances = Table(self.core, "Invalid instance.")
        self.snapshots = Table(self.core, "Invalid snapshot.")
        self.ssh_keys = Table(self.core, "Invalid ssh-key.")
        self.machines = Life(self.core, lambda id: self.instances.get(id) is not None)
