"""Vultr, OVH and Azure for the cloud suite: their clients, over their simulated clouds."""

from __future__ import annotations

import base64
import os
from collections.abc import Collection, Mapping
from pathlib import Path

from mngr.backends.azure.arm import Arm
from mngr.backends.azure.bodies import vm
from mngr.backends.azure.cloud import AzureCloud
from mngr.backends.azure.config import AzureConfig
from mngr.backends.azure.fallback import FallbackCloud
from mngr.backends.azure.group import Group
from mngr.backends.azure.offers import Offers
from mngr.backends.azure.prices import Prices
from mngr.backends.ovh.client import OvhClient
from mngr.backends.ovh.cloud import OvhCloud
from mngr.backends.ovh.config import OvhConfig, credentials
from mngr.backends.vultr.client import PAGE_SIZE as VULTR_PAGE
from mngr.backends.vultr.client import VultrClient
from mngr.backends.vultr.cloud import VultrCloud
from mngr.model.clock import Clock
from mngr.simcloud.clock import Stop
from mngr.simcloud.machines.base import MachineSpec as Booted
from mngr.testing.cloud_contract import CloudWorld
from mngr.testing.cloud_contract.lab import INSTANCE
from mngr.vps_docker.vps_client import MachineSpec, VpsClientInterface
from support import azure
from support.in_process import InProcess
from support.ovh import Account, Here
from support.simcloud import until


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


class PlainLogin:
    """A token by plain http, which the SDK refuses."""

    def __init__(self, sim: azure.Here) -> None:
        self.sim = sim

    def token(self) -> str:
        return azure.Arm(self.sim).login().body["access_token"]

    def drop(self) -> None: ...


class SimulatedAzure(Simulated):
    plan, region, image = "Standard_B2s", "westus", "Debian:debian-12:12-gen2:latest"
    unknown_id = "nosuch"
    page = 50
    lacks: Mapping[str, str] = {
        "test_a_list_that_cant_be_read_buys_nothing": "no list is read: names follow from the host's id",
    }

    def __init__(self, folder: Path, kind: type[AzureCloud] = FallbackCloud) -> None:
        self.sim = azure.Here("--speed", "1000", "--registered")
        self.sim.ask("POST", "/behaviour", {"bucket": "off"})
        self.url = self.sim.url
        self.folder = folder
        self.kind = kind
        for family in ("cores", "standardBSFamily"):
            self.sim.ask("POST", "/quota", {"region": self.region, "family": family, "limit": 1000})
        self.subnet = azure.prepared(self.other)
        self.booted: dict[str, str] = {}
        machines = self.sim.core.machines
        boot = machines.boot

        def noted(spec: Booted, stop: Stop) -> str:
            self.booted[spec.hostname] = spec.user_data.decode()
            return boot(spec, stop)

        machines.boot = noted  # type: ignore[method-assign]

    @property
    def other(self) -> azure.Arm:
        """Another client, with a token that time didn't end."""
        return azure.Arm(self.sim)

    def client(self, url: str, clock: Clock, timeout: float) -> VpsClientInterface:
        subscription = self.sim.env["AZURE_SUBSCRIPTION_ID"]
        arm = Arm(PlainLogin(self.sim), subscription, api_url=url, clock=clock, timeout=timeout)  # type: ignore[arg-type]
        config = AzureConfig(api_url=url, prices_url=url)
        return self.kind(arm, config, lambda: Offers(arm, Prices(url, self.folder, clock)), clock)

    def bill(self) -> Mapping[str, bool]:
        """VMs by name, all else by id."""
        return {_short(id): runs for id, runs in super().bill().items()}

    def labels(self, id: str) -> Collection[str]:
        return super().labels(next(one["id"] for one in self.sim.resources() if one["name"] == id))

    def crowd(self, count: int, tags: Mapping[str, str]) -> Collection[str]:
        made = [
            self._vm(self.other, f"crowd-{number}-{os.urandom(2).hex()}", tags) for number in range(count)
        ]
        for name in made:
            until(lambda name=name: self._made(name), f"the VM {name}", 30, 0.01)
        return made

    def _made(self, name: str) -> bool:
        return self.other("GET", self._path(name)).body["properties"]["provisioningState"] == "Succeeded"

    def _vm(self, other: azure.Arm, name: str, tags: Mapping[str, str]) -> str:
        configuration = {"name": "main", "properties": {"subnet": {"id": self.subnet}}}
        nic = other.done(
            "PUT", other.group(f"Microsoft.Network/networkInterfaces/{name}-nic"),
            {"location": self.region, "properties": {"ipConfigurations": [configuration]}},
        )  # fmt: skip
        group = Group(subscription=other.sub, config=AzureConfig(), region=self.region)
        spec = MachineSpec(
            host_id="", name=name, plan=self.plan, region=self.region, image=self.image, tags=dict(tags),
            public_key=azure.KEY,
        )  # fmt: skip
        body = vm(group, group.config, spec, "")
        body["properties"]["networkProfile"]["networkInterfaces"][0]["id"] = nic["id"]
        other("PUT", self._path(name), body)
        return name

    def label(self, id: str) -> None:
        tags = {"operation": "Merge", "properties": {"tags": {"cost-centre": "42"}}}
        self.other.done("PATCH", f"{self._path(id)}/providers/Microsoft.Resources/tags/default", tags)

    def vanish(self, id: str) -> None:
        self.other.done("DELETE", self._path(id))

    def user_data(self, id: str) -> str:
        """No call of Azure's shows it: what the machine booted with."""
        return self.booted[id]

    def _path(self, id: str) -> str:
        return self.other.group(f"Microsoft.Compute/virtualMachines/{id}")


def _short(id: str) -> str:
    return id.rsplit("/", 1)[-1] if "/virtualMachines/" in id else id
