"""What Azure would rent, and for how much: sizes, quota, the prepared network, the price. Reading costs nothing.

https://learn.microsoft.com/rest/api/compute/resource-skus/list, …/rest/api/compute/usage/list
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from mngr.backends.azure.arm import Arm
from mngr.backends.azure.group import Group, check_region
from mngr.backends.azure.prices import Prices
from mngr.model.background import begin
from mngr.model.errors import Conflict, InvalidInput, NotFound
from mngr.model.guess import did_you_mean
from mngr.model.views import Offer
from mngr.vps_docker.http import segment
from mngr.vps_docker.vps_client import MachineSpec

T = TypeVar("T")

#: So many sizes or regions are named at most.
NAMED = 8


class Offers:
    """`arm`: the subscription that would pay."""

    def __init__(self, arm: Arm, prices: Prices) -> None:
        self._arm = arm
        self._prices = prices

    def check(self, group: Group, spec: MachineSpec, read: Callable[[list[str]], None]) -> Offer:
        """`read` is told of all sizes. The price of `spec`. Raises InvalidInput for an unknown size or region, one that isn't to be had, a quota that is
        used up, each with those that would do; Conflict if nothing is prepared; Unreadable."""
        prepared = begin(lambda: self._prepared(group))
        image = begin(lambda: self._image(spec, group.config.image))
        usages = begin(lambda: self._usages(spec.region))
        spot = bool(spec.options.get("spot"))
        price = begin(lambda: self._prices.per_hour(spec.region, spec.plan, spot=spot))
        sizes = {str(one["name"]).lower(): one for one in self._sizes(spec.region)}
        if not sizes:
            raise self._no_region(spec.region)
        read([str(one["name"]) for one in sizes.values()])
        size = sizes.get(spec.plan.lower())
        if size is None:
            guess = did_you_mean(spec.plan, [str(one["name"]) for one in sizes.values()])
            raise InvalidInput(
                f"Azure knows no size {spec.plan!r} in {spec.region}",
                hint=f"{guess} choose with -b --azure-vm-size=…; e.g. {_names(sizes.values())}".strip(),
            )
        left = usages()
        fit = [one for one in sizes.values() if not _restricted(one) and not _over_quota(one, left, spot)]
        instead = f"these would do: {_names(fit)}" if fit else "another region may have some"
        if why := _restricted(size):
            raise InvalidInput(
                f"Azure doesn't sell {spec.plan} in {spec.region} to this subscription ({why})", hint=instead
            )
        if why := _over_quota(size, left, spot):
            raise InvalidInput(
                f"{spec.plan} in {spec.region} is beyond the subscription's quota: {why}",
                hint=f"{instead}; or have it raised in the Azure portal, Subscriptions, Usage + quotas",
            )
        image()
        prepared()
        facts = _capabilities(size)
        return Offer(
            plan=str(size["name"]), region=spec.region, image=spec.image, per_hour=price(),
            cpus=int(float(facts["vCPUs"])) if "vCPUs" in facts else None,
            memory_gb=float(facts["MemoryGB"]) if "MemoryGB" in facts else None,
            disk_gb=group.config.os_disk_size_gb,
        )  # fmt: skip

    def _prepared(self, group: Group) -> None:
        vnet = self._there(lambda: self._arm.get(group.vnet)) or {}
        check_region(vnet, group.region)
        names = [str(one.get("name")).lower() for one in (vnet.get("properties") or {}).get("subnets") or []]
        # Another region's is made with its first machine.
        if group.config.subnet_name.lower() not in names and group.region == group.config.default_region:
            raise Conflict(
                f"nothing is prepared for machines in the resource group {group.config.resource_group}",
                hint="run `mngr azure prepare` once",
            )

    def _image(self, spec: MachineSpec, usual: str) -> None:
        """Raises InvalidInput for an image that isn't there; of the marketplace's, naming those beside it."""
        if spec.image.startswith("/"):
            found: object = self._there(lambda: self._arm.get(spec.image))
            beside = ""
        else:
            publisher, offer, sku, version = ([segment(one) for one in spec.image.split(":")] + [""] * 3)[:4]
            publishers = f"/providers/Microsoft.Compute/locations/{segment(spec.region)}/publishers"
            offers = f"{publishers}/{publisher}/artifacttypes/vmimage/offers"
            skus = f"{offers}/{offer}/skus"
            versions = f"{skus}/{sku}/versions"
            rows = self._there(lambda: self._arm.rows(versions)) or []
            found = [one for one in rows if version.lower() in ("latest", str(one.get("name")).lower())]
            beside = "" if found else self._beside(spec.image, (publishers, offers, skus, versions))
        if not found:
            raise InvalidInput(
                f"Azure has no image {spec.image} in {spec.region}",
                hint=f"{beside} choose with -b --azure-image=PUBLISHER:OFFER:SKU:VERSION, e.g. {usual}".lstrip(),
            )

    def _beside(self, image: str, paths: Sequence[str]) -> str:
        """The names that there are where the first of the image's isn't."""
        for word, path in zip(image.split(":"), paths, strict=False):
            names = [str(one["name"]) for one in self._there(lambda path=path: self._arm.rows(path)) or []]
            if word.lower() not in [name.lower() for name in names]:
                some = ", ".join(names[:NAMED])
                return f"{did_you_mean(word, names)} instead of {word} there are: {some or 'none'};".lstrip()
        return ""

    def _there(self, ask: Callable[[], T]) -> T | None:
        try:
            return ask()
        except NotFound:
            return None

    def _sizes(self, region: str) -> list[dict[str, Any]]:
        rows = self._arm.pages("/providers/Microsoft.Compute/skus", {"$filter": f"location eq '{region}'"})
        return [one for one in rows if one.get("resourceType") == "virtualMachines"]

    def _usages(self, region: str) -> dict[str, tuple[float, float]]:
        """(used, limit) by the name of the quota; nothing where Azure doesn't know the region."""
        try:
            rows = self._arm.pages(f"/providers/Microsoft.Compute/locations/{region}/usages")
        except NotFound:
            return {}
        return {str(one["name"]["value"]).lower(): (one["currentValue"], one["limit"]) for one in rows}

    def _no_region(self, region: str) -> InvalidInput:
        names = sorted(str(one["name"]) for one in self._arm.pages("/locations"))
        if region in names:
            return InvalidInput(
                f"Azure sells no VM in {region} to this subscription", hint="choose another region"
            )
        guess = did_you_mean(region, names)
        return InvalidInput(
            f"Azure knows no region {region!r}",
            hint=f"{guess} choose with -b --azure-region=…; valid: {', '.join(names)}".strip(),
        )


def _capabilities(size: Mapping[str, Any]) -> dict[str, str]:
    return {str(one.get("name")): str(one.get("value")) for one in size.get("capabilities") or []}


def _restricted(size: Mapping[str, Any]) -> str:
    """Why a size isn't sold in its whole region; "" if it is."""
    for one in size.get("restrictions") or []:
        if one.get("type") == "Location":
            return str(one.get("reasonCode") or "restricted")
    return ""


def _over_quota(
    size: Mapping[str, Any], usages: Mapping[str, tuple[float, float]], spot: bool = False
) -> str:
    """Which quota one more machine of this size would be beyond; "" for none that is known."""
    cores = float(_capabilities(size).get("vCPUs", 0))
    usual = ((str(size.get("family", "")), "cores of its family"), ("cores", "cores of the region"))
    for name, what in (("lowPriorityCores", "cores for spot of the region"),) if spot else usual:
        used, limit = usages.get(name.lower(), (0, float("inf")))
        if used + cores > limit:
            return f"{used:g} of {limit:g} {what} are used, it needs {cores:g}"
    return ""


def _names(sizes: Iterable[Mapping[str, Any]]) -> str:
    """The smallest of these, by name."""

    def weight(one: Mapping[str, Any]) -> tuple[float, float, str]:
        facts = _capabilities(one)
        return float(facts.get("vCPUs", 0)), float(facts.get("MemoryGB", 0)), str(one["name"])

    names: Sequence[str] = [str(one["name"]) for one in sorted(sizes, key=weight)]
    return ", ".join(names[:NAMED]) + (" …" if len(names) > NAMED else "")
