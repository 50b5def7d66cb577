"""What Azure sells in a region, to this subscription: sizes, their restrictions, quotas. Reading costs nothing.

https://learn.microsoft.com/rest/api/compute/resource-skus/list, …/rest/api/compute/usage/list
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from mngr.backends.azure.arm import Arm
from mngr.backends.azure.codes import HINTS
from mngr.backends.azure.login import USABLE
from mngr.model.background import begin
from mngr.model.errors import InvalidInput, MngrError, NotFound
from mngr.model.guess import did_you_mean
from mngr.vps_docker.errors import VpsApiError
from mngr.vps_docker.http import segment

#: So many sizes or regions are named at most where one was mistyped.
NAMED = 8

Size = Mapping[str, Any]  #: A row of the SKUs.


class Market(msgspec.Struct, frozen=True, kw_only=True):
    """One region. `sizes`: by name in lower case, none where Azure knows no such region. `usages`: (used, limit) by the quota's
    name in lower case."""

    region: str
    sizes: Mapping[str, Size]
    usages: Mapping[str, tuple[float, float]]

    def size(self, plan: str, how: str = "with -b --azure-vm-size=…") -> Size:
        """Raises InvalidInput naming the nearest one. `how`: where another one can be said."""
        found = self.sizes.get(plan.lower())
        if found is None:
            guess = did_you_mean(plan, [name_of(one) for one in self.sizes.values()])
            raise InvalidInput(
                f"Azure knows no size {plan!r} in {self.region}",
                hint=f"{guess} choose {how}; e.g. {_smallest(self.sizes.values())}".strip(),
            )
        return found

    def lacking(self, size: Size, spot: bool) -> str:
        """Why one more machine of that size can't be had, in whole words; "" if nothing is known against it."""
        if why := restricted(size):
            return f"Azure doesn't sell {name_of(size)} in {self.region} to this subscription ({why})"
        if why := over_quota(size, self.usages, spot):
            return f"{name_of(size)} in {self.region} is beyond the subscription's quota: {why}"
        return ""

    def without(self, plan: str, spot: bool) -> "Market":
        """As it would be if one machine of that size less were there."""
        size = self.sizes.get(plan.lower())
        if size is None:
            return self
        cores = float(facts(size).get("vCPUs", 0))
        less = {name.lower(): cores for name, _ in _quotas(size, spot)}
        usages = {name: (used - less.get(name, 0), limit) for name, (used, limit) in self.usages.items()}
        return Market(region=self.region, sizes=self.sizes, usages=usages)

    def like(self, size: Size, spot: bool, without: Iterable[str] = ()) -> list[Size]:
        """Sizes that can be had instead and boot the same images, the nearest in cores and memory first. `without`: names in
        lower case that aren't wanted."""
        out = {name_of(size).lower(), *without}
        return sorted(
            (
                one for name, one in self.sizes.items()
                if name not in out and same_images(one, size) and not self.lacking(one, spot)
                and not (spot and facts(one).get("LowPriorityCapable") == "False")
            ),
            key=lambda one: (distance(one, size), name_of(one)),
        )  # fmt: skip


def read(arm: Arm, region: str) -> Market:
    """Raises Unreadable."""
    usages = begin(lambda: _usages(arm, region))
    quoted = region.replace("'", "''")
    rows = arm.pages("/providers/Microsoft.Compute/skus", {"$filter": f"location eq '{quoted}'"})
    sizes = {name_of(one).lower(): one for one in rows if one.get("resourceType") == "virtualMachines"}
    return Market(region=region, sizes=sizes, usages=usages() if sizes else {})


def _usages(arm: Arm, region: str) -> dict[str, tuple[float, float]]:
    """Nothing where Azure doesn't know the region."""
    try:
        rows = arm.pages(f"/providers/Microsoft.Compute/locations/{segment(region)}/usages")
    except NotFound:
        return {}
    return {str(one["name"]["value"]).lower(): (one["currentValue"], one["limit"]) for one in rows}


def no_region(arm: Arm, region: str, how: str) -> InvalidInput:
    """What to say of a region without sizes. `how`: as of `Market.size`."""
    names = regions(arm)
    if region in names:
        return InvalidInput(
            f"Azure sells no VM in {region} to this subscription", hint="choose another region"
        )
    return _unknown(region, names, how)


def check_regions(arm: Arm, wanted: Iterable[str], how: str) -> None:
    """Raises InvalidInput for a region that Azure doesn't know, naming those that it does. `how`: as of `Market.size`."""
    names = regions(arm)
    for region in wanted:
        if region not in names:
            raise _unknown(region, names, how)


def regions(arm: Arm) -> list[str]:
    """Azure's names of all regions that the subscription may use. Raises Unreadable."""
    return sorted(str(one["name"]) for one in arm.pages("/locations"))


def _unknown(region: str, names: Sequence[str], how: str) -> InvalidInput:
    guess = did_you_mean(region, names)
    return InvalidInput(
        f"Azure knows no region {region!r}", hint=f"{guess} choose {how}; valid: {', '.join(names)}".strip()
    )


def check_enabled(arm: Arm) -> None:
    """Raises VpsApiError for a subscription in which nothing can be made or changed; nothing if its state can't be read.
    https://learn.microsoft.com/azure/cost-management-billing/manage/subscription-states"""
    try:
        row = arm.get("")
    except MngrError:
        return
    if (state := row.get("state")) not in (None, *USABLE):
        code = "ReadOnlyDisabledSubscription"
        raise VpsApiError(
            f"Azure's subscription {row.get('displayName') or arm.subscription} is {str(state).lower()}: nothing can be made or "
            f"changed in it [{code}]",
            code=code, hint=HINTS[code],
        )  # fmt: skip


def nearest_regions(arm: Arm, region: str) -> list[str]:
    """Azure's other regions, those that lie nearest first. Raises Unreadable."""
    rows = {str(one.get("name")): one.get("metadata") or {} for one in arm.pages("/locations")}
    here = _place(rows.get(region, {}))
    others = {
        name: _place(one) for name, one in rows.items() if one.get("regionType", "Physical") == "Physical"
    }
    others.pop(region, None)

    def far(name: str) -> tuple[float, str]:
        there = others[name]
        return (math.dist(here, there) if here and there else math.inf), name

    return sorted(others, key=far)


def _place(metadata: Mapping[str, Any]) -> tuple[float, float, float] | None:
    """On a sphere of radius 1."""
    try:
        wide, long = (math.radians(float(metadata[key])) for key in ("latitude", "longitude"))
    except (KeyError, TypeError, ValueError):
        return None
    return math.cos(wide) * math.cos(long), math.cos(wide) * math.sin(long), math.sin(wide)


# --- one size ---------------------------------------------------------------------------------------------------


def name_of(size: Size) -> str:
    return str(size["name"])


def facts(size: Size) -> dict[str, str]:
    """What Azure calls its capabilities."""
    return {str(one.get("name")): str(one.get("value")) for one in size.get("capabilities") or []}


def restricted(size: Size) -> str:
    """Why a size isn't sold in its whole region; "" if it is."""
    for one in size.get("restrictions") or []:
        if one.get("type") == "Location":
            return str(one.get("reasonCode") or "restricted")
    return ""


def over_quota(size: Size, usages: Mapping[str, tuple[float, float]], spot: bool = False) -> str:
    """Which quota one more machine of this size would be beyond; "" for none that is known."""
    cores = float(facts(size).get("vCPUs", 0))
    for name, what in _quotas(size, spot):
        used, limit = usages.get(name.lower(), (0, float("inf")))
        if used + cores > limit:
            return f"{used:g} of {limit:g} {what} are used, it needs {cores:g}"
    return ""


def _quotas(size: Size, spot: bool) -> Sequence[tuple[str, str]]:
    """The quotas that a machine counts in: Azure's name, and ours."""
    if spot:
        return (("lowPriorityCores", "cores for spot of the region"),)
    return ((str(size.get("family", "")), "cores of its family"), ("cores", "cores of the region"))


def processor(size: Size) -> str:
    """`x64` or `Arm64`: an image boots on one of them."""
    return facts(size).get("CpuArchitectureType", "x64")


def same_images(one: Size, other: Size) -> bool:
    """Whether all images that boot on `other` boot on `one`."""
    generations, wanted = (
        set(facts(size).get("HyperVGenerations", "V1,V2").split(",")) for size in (one, other)
    )
    return processor(one) == processor(other) and wanted <= generations


def weight(size: Size) -> tuple[float, float]:
    """(cores, memory in GB)."""
    known = facts(size)
    return float(known.get("vCPUs", 0)), float(known.get("MemoryGB", 0))


def distance(one: Size, other: Size) -> tuple[bool, float, float]:
    """How unlike two sizes are: first those that have as much as `other`, then by cores, then by memory."""
    cores, memory = (ours - theirs for ours, theirs in zip(weight(one), weight(other), strict=True))
    return cores < 0 or memory < 0, abs(cores), abs(memory)


def _smallest(sizes: Iterable[Size]) -> str:
    """By name."""
    names: Sequence[str] = [
        name_of(one) for one in sorted(sizes, key=lambda one: (weight(one), name_of(one)))
    ]
    return ", ".join(names[:NAMED]) + (" …" if len(names) > NAMED else "")
