"""`mngr azure cleanup`: takes away what `mngr azure prepare` made, and nothing else. Repeatable."""

import contextlib
from collections.abc import Callable

import msgspec

from mngr.backends.azure.arm import Arm, missing_right
from mngr.backends.azure.group import MANAGED, ROLE, Group
from mngr.backends.azure.leftovers import listed
from mngr.model.errors import Conflict, MngrError, NotFound
from mngr.vps_docker import tags


class Cleaned(msgspec.Struct, kw_only=True):
    """`removed`: in Azure's words. `kept`: what stays, and why."""

    removed: list[str] = []
    kept: list[str] = []


def cleanup(arm: Arm, group: Group, say: Callable[[str], None]) -> Cleaned:
    """Raises Conflict if the group isn't mngr's, or has machines or things of others in it; VpsApiError."""
    done = Cleaned()
    say("resource group")
    name = group.config.resource_group
    try:
        there = arm.get(group.path)
    except NotFound:
        pass
    else:
        _refuse(arm, group, there.get("tags") or {})
        say("deleting the resource group")
        with contextlib.suppress(
            NotFound
        ):  # the answer to a delete was lost, and by its repetition it is gone
            arm.write("DELETE", group.path)
        done.removed.append(f"resource group {name}")
    say("role")
    _role(arm, group, done)
    return done


def _refuse(arm: Arm, group: Group, found: dict[str, str]) -> None:
    name = group.config.resource_group
    if not MANAGED.items() <= found.items():
        raise Conflict(
            f"the resource group {name} isn't mngr's (it has no tag managed-by=mngr), so it stays",
            hint="take away by hand what you don't need in it",
        )
    inside = arm.pages(f"{group.path}/resources")
    # That list lags; who makes VMs knows better.
    hosts = sorted(
        (one.get("tags") or {}).get(tags.HOST_NAME) or str(one.get("name")) for one in listed(arm, group.vms)
    )
    if hosts:
        raise Conflict(
            f"the resource group {name} has machines: {', '.join(hosts)}",
            hint=f"`mngr destroy @{hosts[0]}` first, for each of them",
        )
    others = sorted(str(one.get("name")) for one in inside if not _is_ours(one.get("tags") or {}))
    if others:
        raise Conflict(
            f"the resource group {name} has things in it that aren't mngr's: {', '.join(others)}",
            hint="move them to another group, or take the group away by hand",
        )


def _is_ours(found: dict[str, str]) -> bool:
    return MANAGED.items() <= found.items() or tags.PROVIDER in found


def _role(arm: Arm, group: Group, done: Cleaned) -> None:
    """The role, unless another group of mngr's in this subscription needs it."""
    wanted = {"$filter": "tagName eq 'managed-by' and tagValue eq 'mngr'"}
    others = [
        one["name"]
        for one in arm.pages("/resourceGroups", wanted)
        if one["name"] != group.config.resource_group
    ]
    if others:
        done.kept.append(f"role {ROLE}: {', '.join(others)} needs it")
        return
    try:
        arm.get(group.role)
        arm.write("DELETE", group.role)
        done.removed.append(f"role {ROLE}")
    except NotFound:
        pass
    except MngrError as error:
        if not missing_right(error) and getattr(error, "code", "") != "RoleDefinitionHasAssignments":
            raise
        done.kept.append(f"role {ROLE}: {error.message}")
