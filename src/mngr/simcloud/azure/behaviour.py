"""How this Azure behaves (facts: azure.md, azure-sdk.md), as switches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mngr.simcloud.behaviour import Switches


@dataclass
class Behaviour(Switches):
    CHOICES: ClassVar = {
        "lro": ("real", "async", "location", "body"),
        "subscription_state": ("Enabled", "Disabled", "Warned"),
        "bucket": ("real", "off"),
    }

    register_s: float = 60.0
    """From `register` until the provider says Registered."""
    network_s: float = 2.0
    """An operation on a network resource."""
    disk_s: float = 2.0
    create_vm_s: float = 25.0
    """From the PUT of a VM until it is provisioned; a real machine that takes longer is waited for."""
    start_s: float = 20.0
    stop_s: float = 20.0
    """Deallocate, and powerOff."""
    delete_vm_s: float = 30.0
    delete_group_s: float = 60.0
    fail_s: float = 60.0
    """From the PUT of a VM until a late failure shows."""
    provision_limit_s: float = 1200.0
    """A VM whose machine doesn't come up (`boot_never`) fails after so long."""
    image_s: float = 60.0
    """A copy of a disk into an image."""
    nic_reserved_s: float = 180.0
    """For so long a NIC is kept for the VM that couldn't be made with it."""
    principal_s: float = 10.0
    """An identity is unknown to role assignments for so long after it was made."""
    role_s: float = 120.0
    """A role assignment takes effect after so long."""
    graph_lag_s: float = 5.0
    """Resource Graph answers as of so long ago."""
    activity_lag_s: float = 60.0
    """An event shows in the activity log after so long."""
    eviction_notice_s: float = 30.0
    """From the Preempt event inside a spot machine to its eviction."""
    poll_s: float = 1.0
    """What `Retry-After` says; parts of a second go as `x-ms-retry-after-ms`."""
    page: int = 500
    """The most that one page of a list of resources has."""
    token_life: int = 3600
    """Seconds that tokens live, by real time: no `--speed` makes it less, as SDKs ask anew from 300 s before the end."""
    principal_type_helps: bool = False
    """A role assignment that says `principalType` is taken though the identity is new (Microsoft's documents say so)."""
    lro: str = "real"
    """How operations are polled: as each service does it, or all in one way: `async` (Azure-AsyncOperation), `location`, `body`
    (provisioningState)."""
    subscription_state: str = "Enabled"
    bucket: str = "real"
    """ARM's token buckets: 250 reads (25 a second), 200 writes and 200 deletes (10 a second) for each caller."""
