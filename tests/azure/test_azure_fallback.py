"""Where Azure has no room: what it says would do, and what is tried in turn, without leaving anything behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from mngr.backends.azure.arm import Arm
from mngr.backends.azure.config import AzureConfig
from mngr.backends.azure.fallback import FallbackCloud, choices
from mngr.backends.azure.offers import Offers
from mngr.backends.azure.prepare import prepare
from mngr.backends.azure.prices import Prices
from mngr.backends.azure.provider import AzureProvider
from mngr.cli import words
from mngr.model.errors import InvalidInput, MngrError
from mngr.model.notes import Remark
from mngr.providers.contract import Context, HostSpec
from mngr.vps_docker import tags
from mngr.vps_docker.vps_client import Gone, Handle, Machine, MachineSpec
from support.azure import KEY, Here, left
from support.azure import Arm as Other
from support.wire import SkippingClock

#: An hour of a disk of 30 GB, and of an address.
REST = round(2.4 / 730 + 0.005, 6)
HOST = HostSpec(id="host-0123456789abcdef", name="box")


class World:
    """An instance in a prepared group. `remarks`: what was said while machines were made; `saved`: each of a handle's changes."""

    def __init__(self, arm: Arm, clock: SkippingClock, folder: Path, sim: Here, **settings: Any) -> None:
        self.sim, self.arm, self.clock, self.folder = sim, arm, clock, folder
        self.config = AzureConfig(**settings)
        self.remarks: list[str] = []
        self.saved: list[Handle] = []
        self.handle: Handle = {}
        self.cloud = self.process()
        # Its tokens come back by real time, for which no test waits.
        sim.ask("POST", "/behaviour", {"bucket": "off"})
        prepare(arm, self.cloud.group, ["203.0.113.4/32"], lambda step: None)

    def process(self) -> FallbackCloud:
        """What a new process works with."""
        offers = Offers(self.arm, Prices(self.sim.url, self.folder / "prices", self.clock))
        return FallbackCloud(self.arm, self.config, lambda: offers, self.clock)

    def spec(self, *given: str) -> MachineSpec:
        provider = AzureProvider(
            self.cloud,
            self.config,
            Context(instance="azure", home=self.folder, laptop="laptop", clock=self.clock),
        )
        host = msgspec.structs.replace(HOST, build_args=list(given))
        tagged = tags.building("azure", HOST.id, HOST.name, "laptop", self.cloud.now())
        machine = provider._wanted(host).machine
        return msgspec.structs.replace(machine, tags=tagged, public_key=KEY, user_data="#cloud-config\n{}\n")

    def create(self, spec: MachineSpec, cloud: FallbackCloud | None = None) -> Machine:
        def save(more: Handle) -> None:
            self.saved.append(more)
            self.handle |= more

        def hear(told: object) -> None:
            if isinstance(told, Remark):
                self.remarks.append(told.text)

        for _ in range(100):
            made = (cloud or self.cloud).create(spec, dict(self.handle), save, hear)
            if made is not None:
                return made
            self.clock.sleep(5)
        raise AssertionError("not delivered")

    def no_room(self, region: str, size: str, how: str = "none") -> None:
        self.sim.ask("POST", "/capacity", {"region": region, "size": size, "is": how})

    def orders(self) -> list[tuple[str, str]]:
        """(size, region) of each VM that was ordered."""
        rows = [
            one for one in self.sim.calls() if one["method"] == "PUT" and "/virtualMachines/" in one["path"]
        ]
        bodies = [one["body"] for one in rows]
        return [(one["properties"]["hardwareProfile"]["vmSize"], one["location"]) for one in bodies]


@pytest.fixture
def world(arm: Arm, clock: SkippingClock, tmp_path: Path, sim: Here) -> World:
    return World(arm, clock, tmp_path, sim)


def released(world: World, spec: MachineSpec) -> None:
    for _ in range(100):
        if isinstance(answer := world.cloud.release(spec, world.handle), Gone):
            return
        world.clock.sleep(answer.after_s)
    raise AssertionError(answer)


def test_sizes_come_before_regions_and_each_is_tried_once(world: World) -> None:
    spec = world.spec(
        "--azure-fallback-sizes=Standard_D2s_v5, standard_b2s", "--azure-fallback-regions=eastus,westus"
    )
    assert [(one.plan, one.region) for one in choices(spec)] == [
        ("Standard_B2s", "westus"),
        ("Standard_D2s_v5", "westus"),
        ("Standard_B2s", "eastus"),
        ("Standard_D2s_v5", "eastus"),
    ]


@pytest.mark.parametrize("how", ["none", "late"])
def test_without_room_it_says_which_sizes_and_regions_may_have_some(
    world: World, how: str, theirs: Other
) -> None:
    world.no_room("westus", "Standard_B2s", how)
    world.no_room("westus", "Standard_F2s_v2", "restricted")
    world.no_room("westus2", "*", "restricted")
    spec = world.spec()
    with pytest.raises(MngrError) as caught:
        world.create(spec)
    hint = caught.value.hint
    assert "Standard_B2als_v2 (USD 0.05303 an hour), " in hint  # as many cores, as much memory
    assert hint.index("Standard_B2als_v2") < hint.index("Standard_B2as_v2") < hint.index("Standard_B2ms")
    assert "F2s" not in hint  # restricted
    assert "B2pls" not in hint  # another processor
    assert "Standard_B2s may be had in westus3, centralus, " in hint  # the nearest
    assert "--azure-fallback-sizes" in hint
    released(world, spec)
    assert left(theirs) == []


def test_the_next_size_takes_over_address_and_interface(world: World, theirs: Other) -> None:
    world.no_room("westus", "Standard_B2s")
    spec = world.spec("--azure-fallback-sizes=Standard_D2s_v5")
    made = world.create(spec)
    assert (made.plan, made.region, made.state) == ("Standard_D2s_v5", "westus", "running")
    assert world.remarks == [
        "Azure has no room for Standard_B2s in westus (SkuNotAvailable): Standard_D2s_v5 in westus is tried"
    ]
    assert len(left(theirs)) == 4  # VM, disk, interface, address
    assert world.clock.skipped < 100  # nothing had to wait for the interface
    released(world, spec)
    assert left(theirs) == []


@pytest.mark.parametrize("how", ["none", "late", "quota"])
def test_another_region_and_nothing_of_the_first_stays(world: World, how: str, theirs: Other) -> None:
    if how == "quota":
        world.sim.ask("POST", "/quota", {"region": "westus", "family": "standardBSFamily", "limit": 1})
    else:
        world.no_room("westus", "Standard_B2s", how)
    spec = world.spec("--azure-fallback-regions=eastus")
    made = world.create(spec)
    assert (made.plan, made.region, made.state) == ("Standard_B2s", "eastus", "running")
    found = [one for one in world.sim.resources() if one["name"].startswith(spec.name)]
    assert {one["region"] for one in found} == {"eastus"}
    assert len(found) == 4
    assert (
        float(made.tags[tags.UNTIL]) > world.cloud.now() + tags.LEASE_S - 200
    )  # the wait took nothing of it
    open_lines = [one["name"] for one in world.sim.bill()["lines"] if one["open"]]
    assert len(open_lines) == 3
    released(world, spec)
    assert [one for one in world.sim.bill()["lines"] if one["open"]] == []


def test_a_late_failure_then_another_size(world: World, theirs: Other) -> None:
    world.no_room("westus", "Standard_B2s", "late")
    spec = world.spec("--azure-fallback-sizes=Standard_D2s_v5")
    made = world.create(spec)
    assert (made.plan, made.state) == ("Standard_D2s_v5", "running")
    assert len(left(theirs)) == 4


def test_when_none_has_room_all_are_named(world: World, theirs: Other) -> None:
    world.no_room("*", "*")
    spec = world.spec("--azure-fallback-sizes=Standard_D2s_v5", "--azure-fallback-regions=eastus")
    with pytest.raises(MngrError) as caught:
        world.create(spec)
    for each in ("Standard_B2s in westus", "Standard_D2s_v5 in westus", "Standard_D2s_v5 in eastus"):
        assert each in caught.value.message
    assert len(world.orders()) == 4
    released(world, spec)
    assert left(theirs) == []


def test_what_is_tried_is_on_disk_before_it_is_ordered(world: World) -> None:
    """Killed at each save, a later process goes on with what was being tried, and ends with one machine."""
    world.no_room("westus", "Standard_B2s", "late")
    world.no_room("westus", "Standard_D2s_v5")
    given = ("--azure-fallback-sizes=Standard_D2s_v5", "--azure-fallback-regions=eastus")
    spec = world.spec(*given)
    whole = world.create(spec)
    assert [one["trying"] for one in world.saved if "trying" in one] == [
        "standard_d2s_v5 westus",
        "standard_b2s eastus",
    ]
    released(world, spec)
    count = len(world.saved)
    for last in range(1, count + 1):
        world.handle, world.saved = {}, []
        _killed_after(world, spec, last)
        made = world.create(spec, world.process())
        assert (made.plan, made.region) == (whole.plan, whole.region), last
        found = [one for one in world.sim.resources() if one["name"].startswith(spec.name)]
        assert len(found) == 4, (last, found)
        released(world, spec)
        assert [one for one in world.sim.bill()["lines"] if one["open"]] == [], last


def _killed_after(world: World, spec: MachineSpec, last: int) -> None:
    """A create whose process ends right after its save number `last`."""

    class Killed(BaseException): ...

    def save(more: Handle) -> None:
        world.saved.append(more)
        world.handle |= more
        if len(world.saved) == last:
            raise Killed

    cloud = world.process()
    try:
        while cloud.create(spec, dict(world.handle), save, lambda told: None) is None:
            world.clock.sleep(5)
    except Killed:
        pass


def test_what_is_known_not_to_be_had_isnt_tried(world: World) -> None:
    world.no_room("westus", "Standard_B2s", "restricted")
    spec = world.spec("--azure-fallback-sizes=Standard_D2s_v5")
    offer = world.cloud.check(spec)
    assert (offer.plan, offer.per_hour, offer.fallbacks) == (
        "Standard_D2s_v5",
        pytest.approx(0.11424 + REST, abs=1e-5),
        [],
    )
    assert "Standard_B2s in westus" in words.of_note(offer.notes[0])
    world.create(spec)
    assert world.orders() == [("Standard_D2s_v5", "westus")]


def test_nothing_can_be_had_and_the_check_says_what_may(world: World) -> None:
    for size in ("Standard_B2s", "Standard_D2s_v5"):
        world.no_room("westus", size, "restricted")
    with pytest.raises(InvalidInput, match=r"Standard_B2s.*Standard_D2s_v5") as caught:
        world.cloud.check(world.spec("--azure-fallback-sizes=Standard_D2s_v5"))
    assert "Standard_B2als_v2" in caught.value.hint


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ("--azure-fallback-sizes=Standard_D2s_v55", "Standard_D2s_v5"),
        ("--azure-fallback-regions=eastus,eastuss2", "eastus2"),
        ("--azure-fallback-sizes=Standard_B2pls_v2", "Standard_B2als_v2"),
    ],
)
def test_a_wrong_name_in_a_list_is_refused_before_anything_is_made(
    world: World, given: str, named: str
) -> None:
    before = len(world.sim.resources())
    with pytest.raises(InvalidInput) as caught:
        world.cloud.check(world.spec(given))
    assert named in caught.value.hint
    assert len(world.sim.resources()) == before


def test_the_price_is_the_firsts_and_the_dearest_counts(world: World) -> None:
    spec = world.spec("--azure-fallback-sizes=Standard_D2s_v5", "--azure-fallback-regions=eastus")
    offer = world.cloud.check(spec)
    assert (offer.plan, offer.region, offer.per_hour) == (
        "Standard_B2s",
        "westus",
        pytest.approx(0.0495 + REST, abs=1e-5),
    )
    prices = {(one.plan, one.region): one.per_hour for one in offer.fallbacks}
    assert prices == {
        ("Standard_D2s_v5", "westus"): pytest.approx(0.11424 + REST, abs=1e-5),
        ("Standard_B2s", "eastus"): pytest.approx(0.0416 + REST, abs=1e-5),
        ("Standard_D2s_v5", "eastus"): pytest.approx(0.096 + REST, abs=1e-5),
    }
    assert offer.most_per_hour == pytest.approx(0.11424 + REST, abs=1e-5)
    assert offer.per_hour_of("standard_b2s", "eastus") == pytest.approx(0.0416 + REST, abs=1e-5)
    assert offer.per_hour_of("Standard_B2s", "westus") == pytest.approx(0.0495 + REST, abs=1e-5)


def test_what_goes_on_while_it_is_stopped_is_of_the_region_where_it_was_made(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    rests = {"westus": 0.01, "eastus": 0.02}
    monkeypatch.setattr(Prices, "rest_per_hour", lambda self, region, disk, size: rests[region])
    offer = world.process().check(world.spec("--azure-fallback-regions=eastus"))
    assert offer.per_hour_stopped_of("Standard_B2s", "westus") == 0.01
    assert offer.per_hour_stopped_of("standard_b2s", "eastus") == 0.02


def test_a_machine_of_its_own_doesnt_count_against_the_quota_of_its_create(world: World) -> None:
    """Killed once its VM was ordered and given again, a create isn't refused for the cores that it has."""
    spec = world.spec()
    world.create(spec)
    for family in ("standardBSFamily", "cores"):
        world.sim.ask("POST", "/quota", {"region": "westus", "family": family, "limit": 2})
    assert world.process().check(spec).plan == "Standard_B2s"
    bigger = msgspec.structs.replace(spec, plan="Standard_B2ms")
    assert world.process().check(bigger).plan == "Standard_B2ms"  # it takes the place of its own
    with pytest.raises(InvalidInput, match="2 of 2"):
        world.process().check(msgspec.structs.replace(spec, name="other"))


def image_of(world: World, theirs: Other) -> str:
    """A managed image in westus, of a VM that is gone; its id."""
    spec = world.spec()
    world.create(spec)
    vm = world.cloud.group.whole(world.cloud.group.vm(spec.name))
    theirs.done("POST", f"{vm}/deallocate")
    theirs("POST", f"{vm}/generalize", expect=200)
    properties = {"sourceVirtualMachine": {"id": vm}, "hyperVGeneration": "V2"}
    path = theirs.group("Microsoft.Compute/images/mine")
    made = theirs.done("PUT", path, {"location": "westus", "properties": properties})
    released(world, spec)
    world.handle = {}
    return made["id"]


def test_an_image_of_ones_own_has_to_be_in_each_region(world: World, theirs: Other) -> None:
    image = image_of(world, theirs)
    assert world.cloud.check(world.spec(f"--azure-image={image}")).image == image
    with pytest.raises(InvalidInput, match=f"{image} isn't in eastus") as caught:
        world.cloud.check(world.spec(f"--azure-image={image}", "--azure-fallback-regions=eastus"))
    assert "it is in westus" in caught.value.hint
    with pytest.raises(InvalidInput, match="isn't in eastus"):
        world.cloud.check(world.spec(f"--azure-image={image}", "--azure-region=eastus"))


def test_an_image_of_a_gallery_has_to_be_in_each_region(world: World, theirs: Other) -> None:
    gallery = theirs.group("Microsoft.Compute/galleries/mine")
    theirs.done("PUT", gallery, {"location": "westus", "properties": {}})
    definition = f"{gallery}/images/one"
    identifier = {"publisher": "me", "offer": "one", "sku": "one"}
    properties = {"osType": "Linux", "osState": "Generalized", "identifier": identifier}
    theirs.done("PUT", definition, {"location": "westus", "properties": properties})
    with pytest.raises(InvalidInput, match="no image"):
        world.cloud.check(world.spec(f"--azure-image={definition}"))
    version = {
        "publishingProfile": {"targetRegions": [{"name": "West US"}, {"name": "eastus"}]},
        "storageProfile": {"source": {"id": image_of(world, theirs)}},
    }
    theirs.done("PUT", f"{definition}/versions/1.0.0", {"location": "westus", "properties": version})
    for image in (definition, f"{definition}/versions/latest", f"{definition}/versions/1.0.0"):
        given = f"--azure-image={image}"
        assert world.cloud.check(world.spec(given, "--azure-fallback-regions=eastus")).fallbacks
        with pytest.raises(InvalidInput, match="isn't in westus2") as caught:
            world.cloud.check(world.spec(given, "--azure-fallback-regions=eastus,westus2"))
        assert "it is in eastus, westus" in caught.value.hint


def test_settings_have_fallbacks_and_the_command_line_has_the_last_word(
    arm: Arm, clock: SkippingClock, tmp_path: Path, sim: Here
) -> None:
    world = World(arm, clock, tmp_path, sim, fallback_sizes=["Standard_B2ms"], fallback_regions=["eastus"])
    assert len(choices(world.spec())) == 4
    plans = {one.plan for one in choices(world.spec("--azure-fallback-sizes=Standard_D2s_v5"))}
    assert plans == {"Standard_B2s", "Standard_D2s_v5"}


def test_a_machine_that_was_asked_for_before_isnt_replaced_by_one_without_its_key(world: World) -> None:
    """Given again after a kill, an order has no user data: the machine that was asked for has it."""
    world.no_room("westus", "Standard_B2s", "late")
    spec = world.spec("--azure-fallback-sizes=Standard_D2s_v5")
    told: list[Handle] = []

    def dies(more: Handle) -> None:
        world.handle |= more
        told.append(more)
        if more.get("id"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        world.cloud.create(spec, {}, dies, lambda told: None)
    again = msgspec.structs.replace(spec, user_data="")
    with pytest.raises(MngrError) as caught:
        world.create(again, world.process())
    assert "run the command again: Standard_D2s_v5 in westus" in caught.value.hint
    assert len(world.orders()) == 1
    released(world, spec)


def test_a_check_of_another_spec_between_changes_nothing(world: World) -> None:
    spec = world.spec("--azure-fallback-sizes=Standard_D2s_v5")
    world.cloud.check(spec)
    world.cloud.check(msgspec.structs.replace(world.spec(), plan="Standard_D2s_v5"))
    world.create(spec)
    assert world.orders() == [("Standard_B2s", "westus")]
