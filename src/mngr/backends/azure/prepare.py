"""`mngr azure prepare`: the resource group, the network and the role that machines need. Repeatable.

It makes what is missing and changes only what is its own: rules, subnets and tags that others added stay, so nothing that
is there is ever written whole. Works without the right to make roles; idle machines then can't stop their own bill.
"""

import contextlib
from collections.abc import Callable, Sequence
from ipaddress import IPv4Network, ip_network
from typing import Any

import msgspec

from mngr.backends.azure import market
from mngr.backends.azure.arm import LAG_S, Arm, missing_right
from mngr.backends.azure.config import ANYWHERE
from mngr.backends.azure.group import MANAGED, ROLE, Group, check_region
from mngr.model.errors import Conflict, MngrError, NotFound, TimedOut
from mngr.model.waiting import looks
from mngr.vps_docker.errors import VpsApiError, VpsApiUnreadable

PROVIDERS = ("Microsoft.Compute", "Microsoft.Network", "Microsoft.Storage")
#: Azure takes minutes to register a resource provider.
REGISTER_LIMIT_S = 900
RULE = "mngr-ssh"
ACTIONS = (
    "Microsoft.Compute/virtualMachines/deallocate/action",
    "Microsoft.Compute/virtualMachines/read",
)

Say = Callable[[str], None]


class Prepared(msgspec.Struct, kw_only=True):
    """What there is now. `made`: what this call made or changed, in Azure's words. `open_to`: networks that reach SSH.
    `no_role`: why machines can't deallocate themselves, "" if they can. `warnings`: what isn't as machines need it."""

    group: str
    region: str
    made: list[str] = []
    open_to: list[str] = []
    no_role: str = ""
    warnings: list[str] = []


def prepare(arm: Arm, group: Group, cidrs: Sequence[str], say: Say, *, asked: bool = False) -> Prepared:
    """What machines in the group's region need. `asked`: the user said `cidrs` now, so they may also be wider than those that
    a rule has. Raises InvalidInput for an unknown region, MngrError for whatever can't be made, but the role. `say` is told of each step."""
    done = Prepared(group=group.config.resource_group, region=group.region)
    say("subscription")
    market.check_enabled(arm)
    market.check_regions(arm, [group.region], "with --region, or as default_region in the settings")
    say("resource providers")
    register(arm)
    say("resource group")
    _group(arm, group, done)
    network(arm, group, cidrs, done, say, asked=asked)
    say("role")
    try:
        _role(arm, group, done)
    except MngrError as error:
        if not missing_right(error):
            raise
        done.no_role = error.message
    return done


def register(arm: Arm) -> None:
    """Raises TimedOut, VpsApiError."""
    waited = [
        name for name in PROVIDERS if arm.get(f"/providers/{name}").get("registrationState") != "Registered"
    ]
    for name in waited:
        arm.post(f"/providers/{name}/register")
    for _ in looks(arm.clock, REGISTER_LIMIT_S, most=10):
        waited = [
            name for name in waited if arm.get(f"/providers/{name}").get("registrationState") != "Registered"
        ]
        if not waited:
            return
    raise TimedOut(
        f"Azure didn't register {', '.join(waited)} within {REGISTER_LIMIT_S} s",
        hint="run the command again later",
    )


def _group(arm: Arm, group: Group, done: Prepared) -> None:
    try:
        there = arm.get(group.path)
    except NotFound:
        arm.write("PUT", group.path, {"location": group.region, "tags": MANAGED})
        done.made.append(f"resource group {group.config.resource_group}")
        return
    if (there.get("properties") or {}).get("provisioningState") == "Deleting":
        raise Conflict(f"Azure is deleting the resource group {there['name']}", hint="wait until it is gone")


def network(
    arm: Arm, group: Group, cidrs: Sequence[str], done: Prepared, say: Say, *, asked: bool = False
) -> None:
    """The network of the group's region."""
    region = group.region
    say("network security group")
    nsg = _ensure(arm, group.nsg, {"location": region, "tags": MANAGED, "properties": {}}, done)
    check_region(nsg, region)
    _rule(arm, group, nsg, cidrs, done, asked)
    say("network")
    nsg_id = {"id": group.whole(group.nsg)}
    first = {"addressPrefix": "10.0.0.0/24", "networkSecurityGroup": nsg_id}
    vnet = _ensure(
        arm, group.vnet,
        {
            "location": region, "tags": MANAGED,
            "properties": {
                "addressSpace": {"addressPrefixes": ["10.0.0.0/16"]},
                "subnets": [{"name": group.config.subnet_name, "properties": first}],
            },
        }, done,
    )  # fmt: skip
    check_region(vnet, region)
    subnets = (vnet.get("properties") or {}).get("subnets") or []
    mine = [one for one in subnets if str(one.get("name")).lower() == group.config.subnet_name.lower()]
    if not mine:
        properties = {"addressPrefix": _free(vnet), "networkSecurityGroup": nsg_id}
        _ensure(arm, group.subnet, {"properties": properties}, done)
        return
    guarded = ((mine[0].get("properties") or {}).get("networkSecurityGroup") or {}).get("id", "")
    if guarded.lower() != nsg_id["id"].lower():
        done.warnings.append(
            f"subnet {group.config.subnet_name} has another network security group: {guarded or 'none'}"
        )


def _ensure(arm: Arm, path: str, body: dict[str, Any], done: Prepared) -> dict[str, Any]:
    """What is at `path`; made of `body` if nothing is. A read may be old, and a write would undo what others added."""
    try:
        return arm.get(path)
    except NotFound:
        pass
    for _ in looks(arm.clock, LAG_S):
        try:
            made = arm.write("PUT", path, body, new=True)
        except VpsApiError as error:
            if error.code != "PreconditionFailed":
                raise
        else:
            done.made.append(" ".join(path.rsplit("/", 2)[1:]))
            return made
        with contextlib.suppress(NotFound):
            return arm.get(path)
    raise VpsApiUnreadable(f"Azure doesn't show {path}, and doesn't make it, as it is there")


def _rule(
    arm: Arm, group: Group, nsg: dict[str, Any], cidrs: Sequence[str], done: Prepared, asked: bool
) -> None:
    """The one rule that is ours. Azure refuses a rule without a source, so no network means no rule; one that is narrower
    than the default is left so, unless that was asked for."""
    path = f"{group.nsg}/securityRules/{RULE}"
    rules = (nsg.get("properties") or {}).get("securityRules") or []
    there = {str(one.get("name")).lower(): one.get("properties") or {} for one in rules}
    mine = there.pop(RULE, None)
    if mine and list(cidrs) == [ANYWHERE] and not asked:
        cidrs = _sources(mine)
    done.open_to = list(cidrs)
    if not cidrs:
        if mine is not None:
            arm.write("DELETE", path)
            done.made.append(f"rule {RULE} removed")
        return
    inbound = {one.get("priority") for one in there.values() if one.get("direction") == "Inbound"}
    free = next(number for number in range(1000, 4097) if number not in inbound)
    wanted = {
        "protocol": "Tcp",
        "direction": "Inbound",
        "access": "Allow",
        "priority": mine["priority"] if mine else free,
        "sourceAddressPrefixes": list(cidrs),
        "sourcePortRange": "*",
        "destinationAddressPrefix": "*",
        "destinationPortRanges": sorted({"22", str(group.config.container_ssh_port)}, key=int),
    }
    same = mine is not None and all(
        mine.get(key) == value for key, value in wanted.items() if not key.startswith("source")
    )
    if not same or sorted(_sources(mine or {})) != sorted(cidrs):
        arm.write("PUT", path, {"properties": wanted})
        done.made.append(f"rule {RULE}")


def open_to(arm: Arm, group: Group) -> list[str]:
    """From where our rule in the region's network lets SSH in; [] if there is no such rule."""
    try:
        return _sources(arm.get(f"{group.nsg}/securityRules/{RULE}").get("properties") or {})
    except NotFound:
        return []


def _sources(rule: dict[str, Any]) -> list[str]:
    """Azure shows a single network apart from several."""
    return list(rule.get("sourceAddressPrefixes") or filter(None, [rule.get("sourceAddressPrefix")]))


def _free(vnet: dict[str, Any]) -> str:
    """A network of 256 addresses in a vnet's that no subnet of it has."""
    properties = vnet.get("properties") or {}
    taken = [
        ip_network(prefix)
        for one in properties.get("subnets") or []
        for prefix in [(one.get("properties") or {}).get("addressPrefix")]
        if prefix
    ]
    for whole in (properties.get("addressSpace") or {}).get("addressPrefixes") or []:
        space = ip_network(whole)
        if isinstance(space, IPv4Network) and space.prefixlen <= 24:
            for one in space.subnets(new_prefix=24):
                if not any(one.overlaps(other) for other in taken if isinstance(other, IPv4Network)):
                    return str(one)
    raise Conflict(
        f"the virtual network {vnet.get('name')} has no room for a subnet",
        hint="set vnet_name to another name",
    )


def _role(arm: Arm, group: Group, done: Prepared) -> None:
    """A role that can do nothing but deallocate the machine that it is given for. Names are the tenant's: where another
    subscription of it has the name, ours gets the subscription's beginning."""
    try:
        arm.get(group.role)
        return
    except NotFound:
        pass
    names = (ROLE, f"{ROLE}-{group.subscription[:8]}")
    for name in names:
        try:
            arm.write("PUT", group.role, {"properties": _role_body(group, name)})
        except MngrError as error:
            if getattr(error, "code", "") != "RoleDefinitionWithSameNameExists":
                raise
            continue
        done.made.append(f"role {name}")
        return
    done.no_role = f"the names {' and '.join(names)} are taken by other roles of this tenant"


def _role_body(group: Group, name: str) -> dict[str, Any]:
    return {
        "roleName": name,
        "description": "mngr: lets an idle machine stop its own bill",
        "type": "CustomRole",
        "permissions": [{"actions": list(ACTIONS), "notActions": []}],
        "assignableScopes": [f"/subscriptions/{group.subscription}"],
    }
