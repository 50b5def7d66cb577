"""What Azure's offers say where something can't be learned, or can't be had."""

from __future__ import annotations

from pathlib import Path

import pytest

from mngr.backends.azure.arm import Arm
from mngr.backends.azure.config import AzureConfig
from mngr.backends.azure.fallback import FallbackCloud
from mngr.backends.azure.offers import Offers
from mngr.backends.azure.prepare import prepare
from mngr.backends.azure.prices import Prices
from mngr.backends.azure.provider import AzureProvider
from mngr.model.errors import Conflict, InvalidInput
from mngr.providers.contract import Context, HostSpec
from support.azure import Here
from support.wire import SkippingClock

SPEC = HostSpec(id="host-0123456789abcdef", name="box")


def provider(arm: Arm, clock: SkippingClock, folder: Path, prices_url: str) -> AzureProvider:
    config = AzureConfig()
    cloud = FallbackCloud(
        arm, config, lambda: Offers(arm, Prices(prices_url, folder / "prices", clock)), clock
    )
    return AzureProvider(cloud, config, Context(instance="azure", home=folder, laptop="laptop", clock=clock))


def ready(arm: Arm, clock: SkippingClock, folder: Path, sim: Here, prices_url: str = "") -> AzureProvider:
    made = provider(arm, clock, folder, prices_url or sim.url)
    prepare(arm, made.cloud.group, ["203.0.113.4/32"], lambda step: None)
    return made


def test_a_price_that_cant_be_had_isnt_no_price(
    arm: Arm, clock: SkippingClock, tmp_path: Path, sim: Here
) -> None:
    offer = ready(arm, clock, tmp_path, sim, "http://127.0.0.1:9").check(SPEC)
    assert offer.per_hour is None
    assert offer.unpriced


def test_a_price_is_kept_for_when_the_list_cant_be_read(
    arm: Arm, clock: SkippingClock, tmp_path: Path, sim: Here
) -> None:
    known = ready(arm, clock, tmp_path, sim).check(SPEC)
    assert known.per_hour
    assert not known.unpriced
    assert provider(arm, clock, tmp_path, "http://127.0.0.1:9").check(SPEC).per_hour == known.per_hour


def test_a_price_has_the_disk_and_the_address_which_go_on_while_it_is_stopped(
    arm: Arm, clock: SkippingClock, tmp_path: Path, sim: Here
) -> None:
    offer = ready(arm, clock, tmp_path, sim).check(SPEC)
    assert offer.per_hour_stopped == pytest.approx(2.4 / 730 + 0.005)
    assert offer.per_hour == pytest.approx(0.0495 + 2.4 / 730 + 0.005, abs=1e-5)


@pytest.mark.parametrize(
    ("disk", "gigabytes", "month"),
    [
        ("StandardSSD_LRS", 32, 2.4),
        ("StandardSSD_LRS", 33, 4.8),
        ("StandardSSD_LRS", 1, 0.3),
        ("Standard_LRS", 4, 1.536),
        ("Premium_LRS", 500, 73.22),
        ("PremiumV2_LRS", 64, None),
        ("StandardSSD_LRS", 9999, None),
        ("StandardSSD_LRS", None, None),
    ],
)
def test_a_disk_is_sold_by_tiers(
    tmp_path: Path, sim: Here, clock: SkippingClock, disk: str, gigabytes: int | None, month: float | None
) -> None:
    found = Prices(sim.url, tmp_path, clock).rest_per_hour("westus", disk, gigabytes)
    assert found == (None if month is None else pytest.approx(month / 730 + 0.005))


def test_nothing_prepared_says_what_to_run(arm: Arm, clock: SkippingClock, tmp_path: Path, sim: Here) -> None:
    with pytest.raises(Conflict) as caught:
        provider(arm, clock, tmp_path, sim.url).check(SPEC)
    assert "mngr azure prepare" in caught.value.hint


def test_a_size_that_isnt_sold_and_a_quota_that_is_used_up_name_what_would_do(
    arm: Arm, clock: SkippingClock, tmp_path: Path, sim: Here
) -> None:
    made = ready(arm, clock, tmp_path, sim)
    sim.ask("POST", "/capacity", {"region": "westus", "size": "Standard_B2s", "is": "restricted"})
    with pytest.raises(InvalidInput, match="doesn't sell Standard_B2s") as caught:
        made.check(SPEC)
    assert "Standard_B2als_v2" in caught.value.hint
    sim.ask("POST", "/capacity", {"region": "westus", "size": "Standard_B2s", "is": "ok"})
    sim.ask("POST", "/quota", {"region": "westus", "family": "standardBSFamily", "limit": 1})
    with pytest.raises(InvalidInput, match="beyond the subscription's quota") as caught:
        made.check(SPEC)
    assert "Standard_" in caught.value.hint
