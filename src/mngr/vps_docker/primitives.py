"""The types of this library: a machine's id, its status, and how user data reaches it."""

from typing import Literal, NewType

#: The cloud's own id of a machine (a UUID at Vultr, a service name at OVH).
VpsInstanceId = NewType("VpsInstanceId", str)

#: The id of a snapshot that the cloud keeps (not one of mngr's own, which hold image and volume of a host).
VpsSnapshotId = NewType("VpsSnapshotId", str)

#: The id of a public SSH key that the cloud keeps.
VpsSshKeyId = NewType("VpsSshKeyId", str)

#: How a machine is. `pending`: made, not usable yet. `stopped`: powered off, which most clouds still bill.
#: `failed`: the cloud says that it won't come up by itself. `gone`: the cloud says not found.
VpsInstanceStatus = Literal["pending", "running", "stopped", "failed", "gone"]
