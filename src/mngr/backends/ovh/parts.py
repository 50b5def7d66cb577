"""One OVH account as the rest of this folder works on it: what is read and written with, and what was written here."""

from collections.abc import Mapping
from pathlib import Path

from mngr.backends.ovh.buying.markers import Markers
from mngr.backends.ovh.client import OvhClient
from mngr.backends.ovh.config import OvhConfig
from mngr.backends.ovh.own_writes import OwnWrites
from mngr.backends.ovh.recycling.claim import Rules
from mngr.backends.ovh.tags import TagStore, locked_for
from mngr.backends.ovh.vps import Reader
from mngr.vps_docker import tags

# Keys of a create's handle.
ID = "id"
CART = "cart"  # written before checkout
ORDER = "order"  # its number, "" while unknown
CLAIM_ON = "claim"  # the VPS that a claim of ours is being written on


class Parts:
    """`instance`: the provider instance whose tags are ours. `folder`: its own, with keys, pins and markers."""

    def __init__(self, instance: str, client: OvhClient, config: OvhConfig, folder: Path) -> None:
        self.instance = instance
        self.client = client
        self.config = config
        self.clock = client.clock
        self.markers = Markers(folder)
        self.own_writes = OwnWrites()
        self.store = TagStore(client)
        self.reader = Reader(client, self.store, config.list_lag)
        self.rules = Rules(config.tag_lag, config.claim_time)

    def is_for(self, found: Mapping[str, str], host_id: str) -> bool:
        """Whether these tags name this host as the one that the VPS is for."""
        return host_id in (tags.read(found).host_id, locked_for(found, self.client.now()))
