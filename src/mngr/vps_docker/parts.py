"""What all parts of a provider of rented machines share: its cloud, its settings, its keys, its journal."""

from collections.abc import Sequence

import msgspec

from mngr.containers.access import Access
from mngr.journal import Journal
from mngr.providers.contract import Cloud, Context
from mngr.vps_docker.cache import Cache
from mngr.vps_docker.config import VpsDockerProviderConfig


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """`title` is the cloud's name for people. `after_stop`: a command that the machine runs once its container is
    stopped, where that saves money (contract.Caps.machine_power)."""

    name: str
    backend: str
    title: str
    cloud: Cloud
    config: VpsDockerProviderConfig
    access: Access
    journal: Journal
    context: Context
    after_stop: Sequence[str] = ()

    @property
    def cache(self) -> Cache:
        return Cache(self.context.home, self.name)

    @property
    def stop_saves(self) -> str:
        """What a stop saves, for people to read."""
        caps = self.cloud.caps
        ends = "the renewal" if caps.billing == "monthly" else "the bill"
        return caps.stop_saves or f"nothing on {self.title}: `mngr destroy` ends {ends}"
