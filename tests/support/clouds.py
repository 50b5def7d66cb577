"""Vultr and OVH for the cloud suite: their clients, over their simulated clouds."""

from __future__ import annotations

import base64
from collections.abc import Collection, Mapping
from pathlib import Path

from mngr.backends.ovh.client import OvhClient
from mngr.backends.ovh.cloud import OvhCloud
from mngr.backends.ovh.config import OvhConfig, credentials
from mngr.backends.vultr.client import PAGE_SIZE as VULTR_PAGE
from mngr.backends.vultr.client import VultrClient
from mngr.backends.vultr.cloud import VultrCloud
from mngr.model.clock import Clock
from mngr.testing.cloud_contract import CloudWorld
from mngr.testing.cloud_contract.lab import INSTANCE
from mngr.vps_docker.vps_client import VpsClientInterface
from support.in_process import InProcess
from support.ovh import Account, Here


class Simulated(CloudWorld):
    """What the control port of any simulated cloud tells."""

    sim: InProcess

    def now(self) -> float:
        return self.sim.now()

    def advance(self, seconds: float) -> None:
        self.sim.advance(seconds)

    def bill(self) -> Mapping[str, bool]:
        return {line["resource"]: line["open"] for line in self.sim.bill()["lines"]}

    def labels(self, id: str) -> Collection[str]:
        return next(one["tags"] for one in self.sim.resources() if one["id"] == id)


class SimulatedVultr(Simulated):
    plan, region, image = "vc2-1c-1gb", "ewr", "2136"
    unknown_id = "00000000-0000-4000-8000-000000000000"
    page = VULTR_PAGE

    def __init__(self, kind: type[VultrCloud] = VultrCloud) -> None:
        self.sim = InProcess("vultr", "--rate-limit", "0")
        self.url = self.sim.url
        self.kind = kind

    def client(self, url: str, clock: Clock, timeout: float) -> VpsClientInterface:
        client = VultrClient(self.sim.env["VULTR_API_KEY"], api_url=url, clock=clock, timeout=timeout)
        return self.kind(client, clock)

    def crowd(self, count: int, tags: Mapping[str, str]) -> Collection[str]:
        rows = [f"{key}={value}" for key, value in tags.items()]
        order = {"region": self.region, "plan": self.plan, "os_id": int(self.image), "tags": rows}
        made = [self._api("POST", "/instances", order)["instance"]["id"] for _ in range(count)]
        self.sim.settle()
        return made

    def label(self, id: str) -> None:
        self._api("PATCH", f"/instances/{id}", {"tags": [*self.labels(id), "not to be lost"]})

    def vanish(self, id: str) -> None:
        self._api("DELETE", f"/instances/{id}")

    def user_data(self, id: str) -> str:
        return base64.b64decode(self._api("GET", f"/instances/{id}/user-data")["user_data"]["data"]).decode()

    def _api(self, method: str, path: str, body: object = None):
        status, said = self.sim.api(method, path, body)
        assert status < 400, said
        return said


class SimulatedOvh(Simulated):
    """`settings`: of OvhConfig."""

    plan, region, image = "vps-2025-model1", "US-EAST-VA", "Debian 12 - Docker"
    unknown_id = "vps-00000000.vps.ovh.us"
    page = 500
    lacks: Mapping[str, str] = {
        "test_create_says_if_the_machine_of_its_handle_is_gone": "a VPS can't be deleted, it ends with its month",
        "test_release_after_somebody_deleted_the_machine_by_hand": "a VPS can't be deleted, it ends with its month",
        "test_release_is_later_while_the_cloud_shows_the_machine": "released is what isn't renewed; it is shown on",
        "test_a_repeat_with_nothing_saved_adopts_instead_of_buying": "orders have no tags: only what was saved tells",
    }

    def __init__(self, folder: Path, **settings: object) -> None:
        self.sim = Here("--speed", "10")
        self.url = self.sim.url
        self.folder = folder
        self.settings = settings
        self.account = Account(self.sim)

    def client(self, url: str, clock: Clock, timeout: float) -> VpsClientInterface:
        config = OvhConfig(**self.settings)  # type: ignore[arg-type]
        env = {**self.sim.env, "OVH_ENDPOINT": url}
        client = OvhClient(credentials(config, "[providers.ovh]", env), clock=clock, timeout=timeout)
        return OvhCloud(INSTANCE, client, config, self.folder)

    def bill(self) -> Mapping[str, bool]:
        """A VPS whose renewal is cancelled costs no more than it did."""
        renewing = {one["id"] for one in self.sim.resources() if one["renews"]}
        return {id: runs and id in renewing for id, runs in super().bill().items()}

    def crowd(self, count: int, tags: Mapping[str, str]) -> Collection[str]:
        return self.sim.ask("POST", "/seed_vps", {"count": count, "tags": dict(tags)})["services"]

    def label(self, id: str) -> None:
        self.account.tag(id, "cost-centre", "42")

    def vanish(self, id: str) -> None:
        raise NotImplementedError

    def settle(self, client: VpsClientInterface) -> None:
        """Orders that are delivered after their create was given up are cancelled then."""
        assert isinstance(client, OvhCloud)
        for _ in range(4):
            if not client.parts.markers.all():
                return
            self.sim.advance(300)
            client.reconcile()
