"""What a machine costs that is off at times, and isn't billed then."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from mngr.vps_docker import off_hours, tags
from mngr.vps_docker.cache import Remembered
from mngr.vps_docker.views import record_of
from mngr.vps_docker.vps_client import Caps, Ended, Machine
from support.rented import ManualClock, MemoryCloud, parts, provider, unreadable

HOST = "host-0123456789abcdef"
HOUR = 3600.0


class Saving(MemoryCloud):
    """A cloud where stopping saves. `off_at`: when its log says that the machine went off."""

    def __init__(self) -> None:
        super().__init__(ManualClock())
        self.caps = Caps(paid_while_off=["disk"])
        self.off_at: float | None = None

    def ended(self, id: str, *, gone: bool = False) -> Ended | None:
        return None if self.off_at is None else Ended(at=self.off_at, by="itself")


@pytest.fixture
def cloud() -> Saving:
    cloud = Saving()
    found = {tags.PROVIDER: "cloud", tags.HOST_ID: HOST, tags.HOST_NAME: "box", tags.READY: "1"}
    cloud.put("i-1", found, state="stopped")
    return cloud


def off(cloud: Saving) -> float:
    return off_hours.seconds(cloud.machines["i-1"].tags, None, cloud.now())


def pass_time(cloud: Saving, seconds: float) -> None:
    cloud.clock.at += seconds


def test_stops_add_up_and_a_repeated_start_counts_once(cloud: Saving, tmp_path: Path) -> None:
    rented = parts(tmp_path, cloud)
    cloud.off_at = cloud.now()
    pass_time(cloud, HOUR)
    off_hours.note(rented, cloud.machines["i-1"])
    assert off(cloud) == HOUR
    pass_time(cloud, 60)  # that start was killed: it is still off
    off_hours.note(rented, cloud.machines["i-1"])
    assert off(cloud) == HOUR + 60
    pass_time(cloud, HOUR)
    cloud.off_at = cloud.now()
    pass_time(cloud, 2 * HOUR)
    off_hours.note(rented, cloud.machines["i-1"])
    assert off(cloud) == 3 * HOUR + 60


def test_a_stop_that_nobody_tells_of_saves_nothing_that_is_told(cloud: Saving, tmp_path: Path) -> None:
    rented = parts(tmp_path, cloud)
    pass_time(cloud, HOUR)
    off_hours.note(rented, cloud.machines["i-1"])
    cloud.off_at = cloud.now() - HOUR
    cloud.failing["tag"] = unreadable()
    off_hours.note(rented, cloud.machines["i-1"])
    assert off(cloud) == 0


@pytest.mark.parametrize("value", ["", "x", "1:2", "5:9:3", "-1:2:3", "1:2:3:4", "1e9:1:2"])
def test_a_tag_that_others_wrote_says_nothing(value: str) -> None:
    assert off_hours.seconds({off_hours.TAG: value}, None, 10) == 0


@pytest.mark.parametrize(("off_since", "now", "seconds"), [(20, 30, 5 + 10), (40, 50, 5 + 5 + 10)])
def test_a_start_that_failed_counts_for_nothing(off_since: float, now: float, seconds: float) -> None:
    assert off_hours.seconds({off_hours.TAG: "5:20:25"}, off_since, now) == seconds


@pytest.mark.parametrize(
    ("known", "cost", "saved"), [(True, 2 * 1.0 + 3 * 0.1, 3 * 0.9), (False, 4 * 1.0 + 0.1, 0.9)]
)
def test_hours_in_which_it_was_off_cost_what_is_billed_then(
    cloud: Saving, tmp_path: Path, known: bool, cost: float, saved: float
) -> None:
    """It ran for two hours, was off for one before, and has been for two now."""
    one = provider(tmp_path, cloud)
    record = record_of(one.rented, cloud.machines["i-1"], None)
    record = msgspec.structs.replace(record, price_per_hour=1.0, price_stopped_per_hour=0.1)
    one.rented.cache.put(Remembered(record=record))
    began = int(cloud.now())
    pass_time(cloud, 5 * HOUR)
    machine = cloud.machines["i-1"]
    cloud.tag("i-1", {off_hours.TAG: f"0:{began}:{began + int(HOUR)}"})
    assert isinstance(machine, Machine)
    cloud.off_at = cloud.now() - 2 * HOUR if known else None
    (host,) = one.discover().hosts
    assert host.state == ("paused" if known else "stopped")
    assert host.cost_so_far == pytest.approx(cost)
    assert host.saved == pytest.approx(saved)
