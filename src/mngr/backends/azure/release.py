"""Ending the bill of a machine and of all that was made for it."""

from mngr.backends.azure.arm import Arm, Pending, missing_right
from mngr.backends.azure.group import Group
from mngr.model.errors import MngrError, NotFound
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
    try:
        arm.get(group.vm(name))
    except NotFound:
        return _rest(arm, group, name)
    _unassign(arm, group, name)
    return _delete(arm, group.vm(name), f"the VM {name}") or _rest(arm, group, name)


def _rest(arm: Arm, group: Group, name: str) -> Gone | Later:
    # In this order: an address can't go before its interface.
    for path in (group.nic(name), group.address(name), group.disk(name)):
        if later := _delete(arm, path, " ".join(path.rsplit("/", 2)[1:])):
            return later
    _unassign(arm, group, name)
    return Gone()


def _delete(arm: Arm, path: str, what: str) -> Later | None:
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
        return Later(f"Azure is deleting {what}", after_s=max(begun.after_s, 2))
    try:
        arm.get(path)
    except NotFound:
        return None
    return Later(f"Azure still shows {what}", after_s=2)


def _unassign(arm: Arm, group: Group, name: str) -> None:
    """The role costs nothing: without the right to take it away, it stays, and is void without its VM."""
    try:
        arm.write("DELETE", group.assignment(name))
    except NotFound:
        pass
    except MngrError as error:
        if not missing_right(error):
            raise
