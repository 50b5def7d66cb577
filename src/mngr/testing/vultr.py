"""The world of provider `vultr`: a simulated Vultr."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Unpack

from mngr.testing.cloud import SimulatedCloud, send
from mngr.testing.fakes import Fakes
from mngr.testing.rented import Options, RentedWorld


class VultrWorld(RentedWorld):
    """Hosts on instances of a simulated Vultr."""

    quick: Mapping[str, str] = {"LIST_LAG": "1"}

    #: Create arguments that can't be meant here → a right choice that the message names.
    mistakes = (
        (("-b", "--vps-plan=nosuch"), "vc2-1c-1gb"),
        (("-b", "--vps-region=nosuch"), "ewr"),
        (("-b", "--vps-os=1"), "2136"),
        (("-b", "--vps-plam=vc2-1c-1gb"), "plan"),
        (("-b", "--vps-plan=vc2-1c-0.5gb-v6", "-b", "--vps-region=ams"), "ewr"),
        (("-s", "--name=mine"), "--name"),
    )

    def __init__(
        self, cloud: SimulatedCloud, scratch: Path, fakes: Fakes | None = None, **more: Unpack[Options]
    ) -> None:
        super().__init__("vultr", cloud, scratch, fakes, **more)

    def user_data(self) -> list[str]:
        """What the account's API keys can read of each instance's user data."""
        found = []
        for one in self._get("/instances")["instances"]:
            data = self._get(f"/instances/{one['id']}/user-data")["user_data"]["data"]
            found.append(base64.b64decode(data).decode(errors="replace"))
        return found

    def _get(self, path: str) -> Any:
        login = {"Authorization": f"Bearer {self.cloud.env['VULTR_API_KEY']}"}
        status, answer = send("GET", self.cloud.url + path, None, login)
        assert status == 200, answer
        return answer
