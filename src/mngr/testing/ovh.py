"""The world of provider `ovh`: a simulated OVH."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Unpack

from mngr.testing.cloud import SimulatedCloud
from mngr.testing.fakes import Fakes
from mngr.testing.rented import Options, RentedWorld
from mngr.testing.world import Thing


class OvhWorld(RentedWorld):
    """Hosts on VPSs of a simulated OVH, whose bill runs to the month's end whatever is destroyed."""

    create: Sequence[str] = ("--no-code", "--yes", "--trust-first-contact")

    #: Long enough for a simulated OVH at `--speed 20` and above.
    quick: Mapping[str, str] = {"TAG_LAG": "0.2", "CLAIM_TIME": "1.5", "LIST_LAG": "0.6"}

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
        self, cloud: SimulatedCloud, scratch: Path, fakes: Fakes | None = None, **more: Unpack[Options]
    ) -> None:
        super().__init__("ovh", cloud, scratch, fakes, **more)

    def things(self) -> list[Thing]:
        """What the bill runs for, without what is explained as it is: ours, cancelled, and waiting to be recycled; or
        ordered, with a marker on one of the computers."""
        found = super().things()
        waiting = {
            one["id"]
            for one in self.cloud.resources()
            if not one.get("renews", True) and any(tag.startswith("mngr-provider=") for tag in one["tags"])
        }
        marked = self._marked([thing.id for thing in found if not thing.tags])
        return [
            thing
            for thing in found
            if thing.id not in marked
            and not (thing.id in waiting and thing.tags.get("mngr-ready") != "1" and thing.lease < self.now())
        ]

    def markers(self) -> list[dict[str, Any]]:
        """Pending orders of all computers that used this account."""
        found = sorted(self.scratch.glob("*/profile/providers/ovh/*/pending_orders/*.json"))
        return [json.loads(path.read_text()) for path in found]

    def _marked(self, untagged: Sequence[str]) -> set[str]:
        """Of untagged services, those that a marker explains: by its order, or one for each checkout in doubt."""
        orders = self.cloud.ask("GET", "/orders")["orders"]
        services = {order["id"]: order["services"] for order in orders}
        markers = self.markers()
        sure = {name for one in markers for name in services.get(one["order_id"], [])}
        doubtful = [name for name in untagged if name not in sure]
        return sure | set(doubtful[: sum(not one["order_id"] for one in markers)])
