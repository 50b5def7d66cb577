"""The world of provider `vultr`: a simulated Vultr."""

from __future__ import annotations

import base64
import json
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mngr.testing.cloud import SimulatedCloud
from mngr.testing.fakes import Fakes
from mngr.testing.rented import RentedWorld


class VultrWorld(RentedWorld):
    """Hosts on instances of a simulated Vultr."""

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
        self,
        cloud: SimulatedCloud,
        scratch: Path,
        fakes: Fakes | None = None,
        *,
        home: str = "home",
        settings: Mapping[str, str] | None = None,
    ) -> None:
        lag = {"MNGR__PROVIDERS__VULTR__LIST_LAG": "1"}
        super().__init__("vultr", cloud, scratch, fakes, home=home, settings={**lag, **(settings or {})})

    def user_data(self) -> list[str]:
        """What the account's API keys can read of each instance's user data."""
        found = []
        for one in self._get("/instances")["instances"]:
            data = self._get(f"/instances/{one['id']}/user-data")["user_data"]["data"]
            found.append(base64.b64decode(data).decode(errors="replace"))
        return found

    def _get(self, path: str) -> Any:
        key = self.cloud.env["VULTR_API_KEY"]
        request = urllib.request.Request(self.cloud.url + path, headers={"Authorization": f"Bearer {key}"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())
