"""What is left of machines that never were, or are gone: an address or a disk, which are billed; an interface or a role,
which aren't.

An address or a disk stands for its machine (`machines.leftover`), and its release takes the others along; so they are looked
for in each list. An interface or a role by itself is the sweep's alone to find: that costs two more lists.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from mngr.backends.azure import machines
from mngr.backends.azure.arm import Arm, missing_right
from mngr.backends.azure.group import Group
from mngr.model.background import begin
from mngr.model.errors import NotFound
from mngr.vps_docker.errors import VpsApiError
from mngr.vps_docker.vps_client import Gone, Later, Leftover, Machine

_ROLE = "role assignment of"

IsOurs = Callable[[str, Mapping[str, str]], bool]
Row = Mapping[str, Any]


def billed(vms: Mapping[str, Row], addresses: Iterable[Row], disks: Iterable[Row]) -> list[Machine]:
    """Machines of which only an address or a disk is there. `vms`: all there are, by name."""
    found: dict[str, Machine] = {}
    for rows, end in ((addresses, "-ip"), (disks, "-os")):
        for row in rows:
            whole = str(row.get("name"))
            name = whole.removesuffix(end)
            if name != whole and name not in vms:
                found.setdefault(name, machines.leftover(name, row))
    return list(found.values())


def free(arm: Arm, group: Group, is_ours: IsOurs) -> list[Leftover]:
    """Interfaces that no VM uses, and roles over VMs that aren't there: ours, by tag or by name. Raises Unreadable."""
    arm.log_in()
    there = begin(lambda: {str(row.get("name")).lower() for row in listed(arm, group.vms)})
    roles = begin(lambda: _assignments(arm, group))
    found = [one for row in listed(arm, group.nics) if (one := _interface(group, row, is_ours))]
    names = there()
    found += [one for row in roles() if (one := _role(group, row, is_ours))]
    return [one for one in found if one.machine.lower() not in names]


def clear(arm: Arm, leftover: Leftover) -> Gone | Later:
    """Deletes it; Azure itself refuses that of an interface that a VM uses."""
    if leftover.what.startswith(_ROLE):
        try:
            arm.write("DELETE", leftover.id)
        except NotFound:
            pass
        except VpsApiError as error:
            if not missing_right(error):
                raise
            return Later(f"{error.message}; it is void, and costs nothing", after_s=999)
        return Gone()
    from mngr.backends.azure.release import delete

    return delete(arm, leftover.id, leftover.what) or Gone()


def listed(arm: Arm, path: str) -> list[dict[str, Any]]:
    """A whole list; empty where Azure says that the group isn't there."""
    try:
        return arm.pages(path)
    except NotFound:
        return []


def _interface(group: Group, row: Row, is_ours: IsOurs) -> Leftover | None:
    whole, tags = str(row.get("name")), dict(row.get("tags") or {})
    name = whole.removesuffix("-nic")
    if name == whole or (row.get("properties") or {}).get("virtualMachine") or not is_ours(name, tags):
        return None
    return Leftover(id=group.nic(name), machine=name, what=f"network interface {whole}", tags=tags)


def _assignments(arm: Arm, group: Group) -> list[dict[str, Any]]:
    """Who has which role in the group. Without the right to read that: none, as they cost nothing."""
    try:
        return listed(arm, f"{group.path}/providers/Microsoft.Authorization/roleAssignments")
    except VpsApiError as error:
        if missing_right(error):
            return []
        raise


def _role(group: Group, row: Row, is_ours: IsOurs) -> Leftover | None:
    """Ours has the one name that mngr gives it over that VM, whose tags are gone with it."""
    scope = str((row.get("properties") or {}).get("scope", ""))
    name = scope.rpartition("/")[2]
    ours = group.assignment(name)
    over_it = scope.lower() == group.whole(group.vm(name)).lower()
    if not over_it or ours.rpartition("/")[2] != str(row.get("name")).lower() or not is_ours(name, {}):
        return None
    return Leftover(id=ours, machine=name, what=f"{_ROLE} {name}")
