"""Nimbus for the cloud suite: what its author writes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from mngr.model.clock import Clock
from mngr.testing.cloud_contract import CloudWorld
from mngr.vps_docker import narrow_tags
from mngr.vps_docker.vps_client import VpsClientInterface
from support.nimbus.cloud import NimbusCloud
from support.nimbus.sky import PAGE, TOKEN, Sky


class NimbusWorld(CloudWorld):
    plan, region, image = "small", "north", "7"
    page = PAGE

    def __init__(self, folder: Path, kind: type[NimbusCloud] = NimbusCloud) -> None:
        self.sky = Sky(None, folder)
        self.url = self.sky.url
        self.kind = kind

    def client(self, url: str, clock: Clock, timeout: float) -> VpsClientInterface:
        return self.kind(url, TOKEN, clock, timeout)

    def bill(self) -> Mapping[str, bool]:
        return {line["resource"]: line["open"] for line in self.sky.bill()["lines"]}

    def now(self) -> float:
        return self.sky.now()

    def advance(self, seconds: float) -> None:
        self.sky.advance(seconds)

    def crowd(self, count: int, tags: Mapping[str, str]) -> Collection[str]:
        order = {
            "name": "box",
            "plan": self.plan,
            "region": self.region,
            "image": self.image,
            "user_data": "",
        }
        return [
            self.sky.do("POST", "/machines", {**order, "tags": narrow_tags.labels(tags)})["id"]
            for _ in range(count)
        ]

    def label(self, id: str) -> None:
        self.sky.do("POST", f"/machines/{id}/tags", {"put": {"cost-centre": "42"}, "drop": []})

    def labels(self, id: str) -> Collection[str]:
        return [f"{key}={value}" for key, value in self.sky.do("GET", f"/machines/{id}")["tags"].items()]

    def vanish(self, id: str) -> None:
        self.sky.do("DELETE", f"/machines/{id}")

    def user_data(self, id: str) -> str:
        return self.sky.do("GET", f"/machines/{id}")["user_data"]
