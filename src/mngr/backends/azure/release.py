"""Ending the bill of a machine and of all that was made for it."""

from mngr.backends.azure.arm import Arm, Pending, missing_right
from mngr.backends.azure.group import Group
from mngr.model.errors import NotFound, TimedOut
from mngr.vps_docker.errors import VpsApiError
from mngr.vps_docker.vps_client import Gone, Later

#: Azure keeps an interface for the VM that it was ordered for so long, also if that was never made.
RESERVED_S = 180.0
_BUSY = (
    "NicReservedForAnotherVm",
    "PublicIPAddressCannotBeDeleted",
    "NicInUse",
    "OperationNotAllowed",
    "Conflict",
    "AttachDiskWhileBeingDetached",
    "AnotherOperationInProgress",
    "RetryableError",
)


def release(arm: Arm, group: Group, name: str) -> Gone | Later:
    """Deletes the VM, then what is left of its interface, address and disk, and its role. Repeatable; doesn't wait.

    A VM takes the three with it, but not one that was never made, or failed.
    """
    # In this order: Azure may keep an interface for 180 s, and an address can't go before it; what isn't billed comes last.
    for path in (group.vm(name), group.disk(name), group.nic(name), group.address(name)):
        if later := delete(arm, path, " ".join(path.rsplit("/", 2)[1:])):
            return later
    return _unassign(arm, group, name)


def delete(arm: Arm, path: str, what: str) -> Later | None:
    """None once Azure says that it is gone."""
    try:
        begun = arm.begin("DELETE", path)
    except NotFound:
        return None
    except VpsApiError as error:
        if error.code not in _BUSY:
            raise
        return Later(f"Azure doesn't delete {what} yet: {error.message}", after_s=10)
    if isinstance(begun, Pending):
        return Later(f"Azure is deleting {what}", after_s=begun.after_s)
    try:
        arm.get(path)
    except NotFound:
        return None
    return Later(f"Azure still shows {what}", after_s=2)


def _unassign(arm: Arm, group: Group, name: str) -> Gone | Later:
    """The role costs nothing: without the right to take it away, it stays, and is void without its VM."""
    try:
        arm.write("DELETE", group.assignment(name))
    except (VpsApiError, NotFound, TimedOut) as error:
        if not isinstance(error, NotFound) and not missing_right(error):
            return Later(f"Azure doesn't take the role of {name} away yet: {error.message}", after_s=10)
    return Gone()
