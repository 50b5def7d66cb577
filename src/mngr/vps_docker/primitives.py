"""The types of this library: a machine's id, and its status."""

from typing import Literal

#: The cloud's own id of a machine (a UUID at Vultr, a service name at OVH).
VpsInstanceId = str

#: How a machine is. `pending`: made, not usable yet. `stopped`: powered off, which most clouds still bill. `halted`: off by
#: its own system's shutdown, which is billed on where `stopped` isn't.
#: `failed`: the cloud says that it won't come up by itself. `expired`: switched off by the cloud, as it wasn't paid.
#: `gone`: the cloud says not found.
VpsInstanceStatus = Literal["pending", "running", "stopped", "halted", "failed", "expired", "gone"]
