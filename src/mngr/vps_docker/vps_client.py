"""What a cloud must do so that mngr can rent machines there: the contract's `Cloud` as a base class.

A concrete cloud is one class: six calls about machines, one about time, and `caps`, which say how it behaves.
It knows no journal (it is given `save`), no Docker, and no SSH. The class gets its HTTP client and its clock
handed in, so that it can be aimed at a simulated cloud and tested without waiting.

Tags are the owner's name on a machine (ARCHITECTURE.md has their list): `put` and `drop` them key by key.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, runtime_checkable

import msgspec

from mngr.model.views import Offer
from mngr.providers.contract import Caps, Gone, Handle, Later, Machine, MachineSpec, Save
from mngr.vps_docker.primitives import VpsInstanceId, VpsSnapshotId, VpsSshKeyId


class VpsClientInterface(ABC):
    """A cloud that rents machines. Calls are synchronous, come from several threads, and wait within limits."""

    #: How this cloud behaves; see contract.Caps.
    caps: Caps = Caps()

    @abstractmethod
    def check(self, spec: MachineSpec) -> Offer:
        """What `spec` would cost. Spends nothing.

        Raises InvalidInput naming the valid choices for an unknown plan, region or image; Unreadable.
        """

    @abstractmethod
    def create(self, spec: MachineSpec, handle: Handle, save: Save) -> Machine | None:
        """Buys the machine, or goes on from `handle`; None: ordered, not delivered yet, call again.

        Calls `save` with what must survive this process before each paid call and right after it; what was
        saved comes back as `handle`. A repeat adopts what an earlier call made; where the cloud has no
        idempotency key, a call that may have been carried out is repeated only after `caps.list_lag_s`.
        Raises VpsApiError, or VpsProvisioningError when the cloud won't deliver.
        """

    @abstractmethod
    def find(self, owner: dict[str, str]) -> list[Machine]:
        """All machines that have all these tags, from all pages. May lag behind by `caps.list_lag_s`.

        Raises Unreadable; never returns part of the list, or an empty one, for an error.
        """

    def find_ours(self, is_ours: Callable[[str, Mapping[str, str]], bool]) -> list[Machine]:
        """All machines of whose name and tags `is_ours` says so. Raises as `find`. To be overridden where machines that
        aren't ours are better not read at all."""
        return [one for one in self.find({}) if is_ours(one.name, one.tags)]

    def account(self) -> str:
        """Whose account this is, in words that no other account has, and always the same; "" if that can't be told.

        With it, another account's key never makes a host that is paid for look like one that is gone. Raises Unreadable.
        """
        return ""

    @abstractmethod
    def get(self, id: VpsInstanceId | str) -> Machine:
        """One machine. Raises NotFound only if the cloud itself said so; Unreadable on any other trouble."""

    @abstractmethod
    def power(self, id: VpsInstanceId | str, on: bool) -> None:
        """Switches on or off; on while on is success. Returns when the cloud shows it, or raises TimedOut."""

    @abstractmethod
    def tag(self, id: VpsInstanceId | str, put: dict[str, str], drop: Sequence[str] = ()) -> None:
        """Sets and removes tags, leaving all others alone. Repeatable. Raises NotFound, VpsApiError."""

    @abstractmethod
    def release(self, spec: MachineSpec, handle: Handle) -> Gone | Later:
        """Ends the bill of everything that `create(spec, …)` may have made. Repeatable; never waits long.

        Looks at `handle` and also for the host id's tag, as an answer may have been lost. Gone: the cloud says
        that nothing is left, and nothing can appear any more. Later: ask again. Raises VpsApiError.
        """

    @abstractmethod
    def now(self) -> float:
        """The cloud's time in seconds since the epoch, so that laptops with wrong clocks agree on leases."""


class CloudSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A disk image that the cloud keeps. `ready`: a machine can be made from it. It is billed while it exists."""

    id: VpsSnapshotId
    name: str
    ready: bool
    created_at: float | None = None
    size_bytes: int | None = None


@runtime_checkable
class CloudSnapshots(Protocol):
    """Optional: disk images of whole machines, kept by the cloud; a natural place for a baked image."""

    def snapshot_take(self, id: VpsInstanceId | str, name: str) -> CloudSnapshot:
        """Starts one, or finds the one called `name` that an earlier call started."""
        ...

    def snapshots(self) -> list[CloudSnapshot]: ...

    def snapshot_delete(self, id: VpsSnapshotId | str) -> None:
        """One that is gone already is success."""
        ...


@runtime_checkable
class SshKeys(Protocol):
    """Optional: public keys kept by the cloud, for machines whose image takes no user data."""

    def ssh_key_put(self, name: str, public_key: str) -> VpsSshKeyId:
        """The id of the key, which is uploaded if it isn't there."""
        ...

    def ssh_key_delete(self, id: VpsSshKeyId | str) -> None:
        """One that is gone already is success."""
        ...
