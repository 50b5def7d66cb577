"""What all parts of a provider of rented machines work with: its cloud, its settings, its keys, its journal."""

import msgspec

from mngr.containers.access import Access
from mngr.journal import Entry, Intent, Journal
from mngr.model.errors import NotFound
from mngr.model.views import StopSaves
from mngr.providers.contract import Context
from mngr.vps_docker.cache import Cache
from mngr.vps_docker.config import VpsDockerProviderConfig
from mngr.vps_docker.intents import Plan, written
from mngr.vps_docker.vps_client import Handle, Machine, VpsClientInterface


class Rented(msgspec.Struct, frozen=True, kw_only=True):
    """`title` is the cloud's name for people."""

    name: str
    backend: str
    title: str
    cloud: VpsClientInterface
    config: VpsDockerProviderConfig
    access: Access
    journal: Journal
    context: Context

    @property
    def cache(self) -> Cache:
        return Cache(self.context.home, self.name)

    @property
    def keeps_agents(self) -> bool:
        """Whether the cloud is told of a host's agents."""
        return type(self.cloud).keep_agents is not VpsClientInterface.keep_agents

    def get(self, id: str) -> Machine:
        """A machine that may carry a host. Raises NotFound also of a released one that lives on; Unreadable."""
        machine = self.cloud.get(id)
        if machine.released:
            raise NotFound(f"{id} carries no host: it was released, and lives on until {machine.paid_until}")
        return machine

    def intent(self, subject: str, plan: Plan, handle: Handle | None = None) -> Intent:
        """A new intent, from now on."""
        at = self.context.clock.now()
        return written(Intent(provider=self.name, subject=subject, kind="", at=at, handle=handle or {}), plan)

    def entries(self) -> dict[str, Entry]:
        """The journal's entries of this instance, by subject."""
        return {one.subject: one for one in self.journal.entries(self.name)}

    @property
    def stop_saves(self) -> StopSaves:
        caps = self.cloud.caps
        return StopSaves(
            paid_on=list(caps.paid_while_off), cloud=self.title, renews=caps.billing == "monthly"
        )
