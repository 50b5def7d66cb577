"""One OVH account as the rest of this folder works on it: what is read, bought and recycled with."""

from collections.abc import Callable, Mapping

from mngr.backends.ovh.buying.lost_orders import LostOrders
from mngr.backends.ovh.buying.markers import Markers
from mngr.backends.ovh.buying.order import Buyer
from mngr.backends.ovh.client import OvhClient
from mngr.backends.ovh.config import OvhConfig
from mngr.backends.ovh.offers import Offers
from mngr.backends.ovh.own_writes import OwnWrites
from mngr.backends.ovh.recycling.claim import Rules
from mngr.backends.ovh.recycling.fence import Fence
from mngr.backends.ovh.recycling.take import Recycler
from mngr.backends.ovh.tags import TagStore, locked_for
from mngr.backends.ovh.vps import Reader
from mngr.model.clock import Clock
from mngr.vps_docker import tags

# Keys of a create's handle.
ID = "id"
CART = "cart"  # written before checkout
ORDER = "order"  # its number, "" while unknown
CLAIM_ON = "claim"  # the VPS that a claim of ours is being written on


class Parts:
    """`instance`: the provider instance whose tags are ours."""

    def __init__(
        self, instance: str, client: OvhClient, config: OvhConfig, markers: Markers, clock: Clock
    ) -> None:
        self.instance = instance
        self.client = client
        self.config = config
        self.markers = markers
        self.clock = clock
        self.own_writes = OwnWrites()
        self.store = TagStore(client)
        self.reader = Reader(client, self.store)
        self.offers = Offers(client, config)
        self.lost = LostOrders(client, self.reader, markers)
        self.buyer = Buyer(client, self.offers, markers, self.lost, clock, config.list_lag)
        self.recycler = Recycler(
            client, self.store, self.reader, clock, Rules(config.tag_lag, config.claim_time),
            margin_s=config.recycle_safety_margin_hours * 3600, most=config.recycle_max_candidates_considered,
            list_lag=config.list_lag, own_writes=self.own_writes,
        )  # fmt: skip

    def is_for(self, found: Mapping[str, str], host_id: str) -> bool:
        """Whether these tags name this host as the one that the VPS is for."""
        return host_id in (tags.read(found).host_id, locked_for(found, self.client.now()))

    def fence(self, service: str, ours: Callable[[Mapping[str, str]], bool]) -> Fence:
        """Over what is written on a VPS from now on."""
        return Fence(self.client, self.store, self.clock, self.recycler.rules.wait, service, ours)
