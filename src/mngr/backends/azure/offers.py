"""What Azure would rent, and for how much: sizes, quota, the prepared network, the price; what would do instead. Reading
costs nothing."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from mngr.backends.azure import images, market
from mngr.backends.azure.arm import Arm
from mngr.backends.azure.group import Group, check_region
from mngr.backends.azure.market import Market, Size
from mngr.backends.azure.prices import Prices
from mngr.model.background import begin, each
from mngr.model.errors import Conflict, InvalidInput, MngrError, NotFound
from mngr.model.notes import Remark
from mngr.model.views import Fallback, Offer
from mngr.vps_docker.http import segment
from mngr.vps_docker.vps_client import MachineSpec

T = TypeVar("T")

#: So many sizes, and regions, are named where there is no room for what was asked; so many regions are asked for that.
INSTEAD, INSTEAD_REGIONS, ASKED_REGIONS = 4, 3, 6


class Offers:
    """`arm`: the subscription that would pay."""

    def __init__(self, arm: Arm, prices: Prices) -> None:
        self._arm = arm
        self._prices = prices

    def check(
        self,
        group: Group,
        spec: MachineSpec,
        read: Callable[[list[str]], None],
        others: Sequence[MachineSpec] = (),
    ) -> Offer:
        """The offer of `spec`, or of the first of `others` if Azure says already that `spec` can't be had; the rest of those that
        can are its `fallbacks`. `read` is told of all sizes.

        Raises InvalidInput for an unknown size or region, and if none can be had, each with those that would do; Conflict if
        nothing is prepared; Unreadable."""
        wanted = [spec, *others]
        regions = list(dict.fromkeys(one.region for one in wanted))
        enabled = begin(lambda: market.check_enabled(self._arm))
        prepared = [begin(lambda at=at: self._prepared(group.in_region(at))) for at in regions]
        image = begin(lambda: images.check(self._arm, spec.image, regions, group.config.boot_image))
        disk = (group.config.os_disk_type, group.config.os_disk_size_gb)
        prices = [begin(lambda one=one: self._price(one)) for one in wanted]
        rests = {region: begin(lambda at=region: self._prices.rest_per_hour(at, *disk)) for region in regions}
        asked = {region: begin(lambda at=region: market.read(self._arm, at)) for region in regions}
        markets = {region: wait() for region, wait in asked.items()}
        enabled()
        first = markets[spec.region]
        sizes = [self._size(markets[one.region], one, spec) for one in wanted]
        read([market.name_of(one) for one in first.sizes.values()])
        for one in sizes[1:]:
            if market.processor(one) != market.processor(sizes[0]):
                raise InvalidInput(
                    f"{market.name_of(one)} is {market.processor(one)}, and {market.name_of(sizes[0])} is "
                    f"{market.processor(sizes[0])}: one image can't boot on both",
                    hint=f"such as {_names(first.like(sizes[0], _spot(spec))[:INSTEAD])}",
                )
        lacks = _lacks(markets, wanted, sizes)
        if any(lacks) and (own := self._own(group, spec)):
            region, size = own
            if region in markets:
                markets[region] = markets[region].without(size, _spot(spec))
                lacks = _lacks(markets, wanted, sizes)
        able = [at for at, why in enumerate(lacks) if not why]
        if not able:
            raise InvalidInput(
                "; ".join(lacks),
                hint=self._refused_hint(lacks[0], markets[spec.region], sizes[0], wanted, disk),
            )
        image()
        for wait in prepared:
            wait()
        choices: list[Fallback] = []
        for at in able:
            machine, rest = prices[at](), rests[wanted[at].region]()
            choices.append(
                Fallback(
                    plan=market.name_of(sizes[at]), region=wanted[at].region, per_hour=_together(machine, rest),
                    per_hour_stopped=None if machine is None else rest,
                )
            )  # fmt: skip
        facts = market.facts(sizes[able[0]])
        return Offer(
            plan=choices[0].plan, region=choices[0].region, image=spec.image, per_hour=choices[0].per_hour,
            cpus=int(float(facts["vCPUs"])) if "vCPUs" in facts else None,
            memory_gb=float(facts["MemoryGB"]) if "MemoryGB" in facts else None,
            disk_gb=group.config.os_disk_size_gb, fallbacks=choices[1:],
            per_hour_stopped=choices[0].per_hour_stopped,
            notes=[Remark(text=f"{why}, so it isn't tried") for why in lacks if why],
        )  # fmt: skip

    def instead(self, tried: Sequence[MachineSpec], disk: tuple[str, int | None]) -> str:
        """Which sizes and regions would do in the place of `tried`, of which the first was what was asked for; "" if that can't
        be learned now. `disk`: kind and size, for the prices."""
        spec = tried[0]
        try:
            here = market.read(self._arm, spec.region)
            return self._instead(here, here.size(spec.plan), tried, disk)
        except MngrError:
            return ""

    def _instead(
        self, here: Market, size: Size, tried: Sequence[MachineSpec], disk: tuple[str, int | None]
    ) -> str:
        spec, spot = tried[0], _spot(tried[0])
        sizes = begin(lambda: self._sizes_instead(here, size, tried, disk))
        out = {one.region for one in tried}
        regions = [one for one in market.nearest_regions(self._arm, spec.region) if one not in out]
        markets = each(lambda at: market.read(self._arm, at), regions[:ASKED_REGIONS])
        there = [(one, one.sizes.get(market.name_of(size).lower())) for one in markets]
        fit = [one.region for one, same in there if same and not one.lacking(same, spot)]
        said = [f"in {spec.region} there may be {sizes()}"] if sizes() else []
        if fit:
            said.append(f"{market.name_of(size)} may be had in {', '.join(fit[:INSTEAD_REGIONS])}")
        if not said:
            return "nothing like it is to be had in the regions around"
        return f"{'; '.join(said)}; -b --azure-fallback-sizes=A,B and --azure-fallback-regions=A,B try others in turn"

    def _sizes_instead(
        self, here: Market, size: Size, tried: Sequence[MachineSpec], disk: tuple[str, int | None]
    ) -> str:
        """The nearest in size, of those the cheapest first, with their prices, disk and address included."""
        rest = begin(lambda: self._prices.rest_per_hour(here.region, *disk))
        out = [one.plan.lower() for one in tried if one.region == here.region]
        near = here.like(size, _spot(tried[0]), out)[: 2 * INSTEAD]
        prices = each(
            lambda one: self._prices.per_hour(here.region, market.name_of(one), spot=_spot(tried[0])), near
        )
        prices = [_together(one, rest()) for one in prices]
        rows = sorted(
            zip(near, prices, strict=True),
            key=lambda row: (market.distance(row[0], size), row[1] is None, row[1] or 0),
        )
        return ", ".join(
            f"{market.name_of(one)} (USD {price:.4g} an hour)" if price is not None else market.name_of(one)
            for one, price in rows[:INSTEAD]
        )

    def _refused_hint(
        self, why: str, here: Market, size: Size, wanted: Sequence[MachineSpec], disk: tuple[str, int | None]
    ) -> str:
        try:
            hint = self._instead(here, size, wanted, disk)
        except MngrError:
            hint = "another size or region may do"
        raised = "; or have the quota raised in the Azure portal, Subscriptions, Usage + quotas"
        return hint + (raised if "quota" in why else "")

    def _size(self, there: Market, one: MachineSpec, spec: MachineSpec) -> Size:
        """Raises InvalidInput for an unknown size or region, naming the option that said it."""
        if not there.sizes:
            option = "--azure-region" if one.region == spec.region else "--azure-fallback-regions"
            raise market.no_region(self._arm, one.region, f"with -b {option}=…")
        option = "--azure-vm-size" if one.plan == spec.plan else "--azure-fallback-sizes"
        return there.size(one.plan, f"with -b {option}=…")

    def _price(self, one: MachineSpec) -> float | None:
        return self._prices.per_hour(one.region, one.plan, spot=_spot(one))

    def _own(self, group: Group, spec: MachineSpec) -> tuple[str, str] | None:
        """(region, size) of the VM that an earlier, killed call of the same create has ordered."""
        row = self._there(lambda: self._arm.get(group.vm(segment(spec.name)))) or {}
        size = ((row.get("properties") or {}).get("hardwareProfile") or {}).get("vmSize")
        return (str(row.get("location")), str(size)) if size else None

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

    def _there(self, ask: Callable[[], T]) -> T | None:
        try:
            return ask()
        except NotFound:
            return None


def _together(machine: float | None, rest: float | None) -> float | None:
    """The price of a machine, with its disk's and address's where that is known."""
    return machine if machine is None or rest is None else round(machine + rest, 6)


def _lacks(markets: Mapping[str, Market], wanted: Sequence[MachineSpec], sizes: Sequence[Size]) -> list[str]:
    """Why each can't be had; "" for what can."""
    return [markets[one.region].lacking(size, _spot(one)) for one, size in zip(wanted, sizes, strict=True)]


def _spot(spec: MachineSpec) -> bool:
    return bool(spec.options.get("spot"))


def _names(sizes: Sequence[Size]) -> str:
    return ", ".join(market.name_of(one) for one in sizes)
