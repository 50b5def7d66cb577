"""The world of provider `ovh`: a simulated OVH."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from mngr.testing.cloud import SimulatedCloud
from mngr.testing.fakes import Fakes
from mngr.testing.rented import RentedWorld
from mngr.testing.world import Thing


class OvhWorld(RentedWorld):
    """Hosts on VPSs of a simulated OVH, whose bill runs to the month's end whatever is destroyed."""

    create: Sequence[str] = ("--no-code", "--yes", "--trust-first-contact")

    #: A cart to look with, an item in it and out of it again: OVH shows prices and choices only there.
    free_calls = r"/1\.0/order/cart(/[^/]+/vps|/[^/]+/item/\d+)?"

    #: Create arguments that can't be meant here → a right choice that the message names.
    mistakes = (
        (("-b", "--vps-plan=nosuch"), "vps-2025-model1"),
        (("-b", "--vps-datacenter=nosuch"), "US-EAST-VA"),
        (("-b", "--vps-image=nosuch"), "Debian 12 - Docker"),
        (("-b", "--vps-plam=vps-2025-model1"), "plan"),
        (("-s", "--name=mine"), "--name"),
    )

    def __init__(
        self, cloud: SimulatedCloud, scratch: Path, fakes: Fakes | None = None, *, home: str = "home"
    ) -> None:
        super().__init__("ovh", cloud, scratch, fakes, home=home)
        settings = {"TAG_LAG": "0.5", "CLAIM_TIME": "2"}
        self.env: Mapping[str, str] = {
            **self.env,
            **{f"MNGR__PROVIDERS__OVH__{key}": value for key, value in settings.items()},
        }

    def things(self) -> list[Thing]:
        """What the bill runs for, without what is explained as it is: ours, cancelled, and waiting to be recycled."""
        waiting = {
            one["id"]
            for one in self.cloud.resources()
            if not one.get("renews", True) and any(tag.startswith("mngr-provider=") for tag in one["tags"])
        }
        return [
            thing
            for thing in super().things()
            if not (thing.id in waiting and thing.tags.get("mngr-ready") != "1" and thing.lease < self.now())
        ]

    def other_home(self) -> OvhWorld:
        import os

        return OvhWorld(self.cloud, self.scratch, self.fakes, home=f"home-{os.urandom(4).hex()}")
